export const STYLE = `
:root{color-scheme:light dark;--ink:#1c2530;--quiet:#5b6775;--line:#d9dee5;--paper:#fff;--ground:#f4f6f8;--mark:#2f6fb0}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf1;--quiet:#9aa7b5;--line:#2f3944;--paper:#182028;--ground:#10161c;--mark:#6aa9e6}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI","PingFang SC","Microsoft YaHei",sans-serif}
main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.7rem;margin:.2rem 0}h2{font-size:1.2rem;margin:0 0 .6rem}h3{font-size:1rem;margin:1rem 0 .3rem}
header p,small,caption,figcaption,.note,footer{color:var(--quiet)}
section{background:var(--paper);border:1px solid var(--line);border-radius:.6rem;padding:1rem 1.2rem;margin:1rem 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:1rem}
.tile{display:flex;flex-direction:column}.tile b{font-size:1.7rem;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
caption,figcaption{text-align:left;font-size:.9rem;padding-bottom:.4rem}
th{text-align:left;font-weight:500;padding:.25rem .6rem .25rem 0;overflow-wrap:anywhere}
td{padding:.25rem 0 .25rem .6rem;overflow-wrap:anywhere}thead th{color:var(--quiet);font-size:.9rem}
tbody tr+tr{border-top:1px solid var(--line)}
.figures th{white-space:nowrap}.bars th{width:32%}.bars td.bar{width:44%}.bars svg{display:block;width:100%;height:.8rem}.bars td.note{white-space:nowrap;text-align:right}
svg rect{fill:var(--mark)}svg line{stroke:var(--line)}.columns{width:100%;height:auto}.axis{fill:var(--quiet);font-size:13px;text-anchor:middle}
figure{margin:0}details{border-top:1px solid var(--line);padding:.5rem 0}summary{cursor:pointer}
ul{padding-left:1.2rem;margin:.4rem 0}li{margin:.4rem 0}
code{font:0.88em ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
blockquote{margin:.3rem 0 0;padding:.4rem .8rem;border-left:3px solid var(--line);color:var(--quiet);white-space:pre-wrap;overflow-wrap:anywhere}
.pair{border-top:1px solid var(--line);padding:.5rem 0}.pair p{margin:0}.pair>div{margin-top:.4rem}
@media(min-width:44rem){.pair{display:grid;grid-template-columns:1fr 1fr;gap:0 1rem}.pair p{grid-column:1/3}}
@media(max-width:34rem){.bars td.bar{display:none}.bars th{width:55%}}
`.replaceAll('\n', '');
