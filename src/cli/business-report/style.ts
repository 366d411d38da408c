import { STYLE } from '../data-report/style.js';

/** What business pages add to a report's style: figures to the right, links without noise, charts, and paper. */
export const BUSINESS_STYLE =
  STYLE +
  `
.figures td,.figures thead th:not(:first-child){text-align:right;white-space:nowrap}
.figures thead th:not(:first-child){padding:.25rem 0 .25rem .6rem}.figures thead th.text:not(:first-child){text-align:left}
.figures td.text{text-align:left;white-space:normal}
.figures{margin-bottom:.8rem}.figures tbody th{white-space:normal;overflow-wrap:normal}.wide{overflow-x:auto}
@media(max-width:34rem){figure{overflow-x:auto}.columns{min-width:34rem}section{padding:.8rem .9rem}}
a{color:inherit;text-decoration:none;border-bottom:1px dotted var(--quiet)}a:focus-visible{outline:2px solid var(--mark)}
tr.sum th,tr.sum td{font-weight:700;border-top:2px solid var(--line)}
.missing,.missing a{color:var(--quiet);font-style:italic}
.best{font-weight:700;color:var(--mark)}
.alarm{border:2px solid #b3261e;border-radius:.4rem;padding:.5rem .8rem}
svg .pale{fill:var(--mark);opacity:.35}svg .strong{fill:var(--mark)}
svg polyline{fill:none;stroke:var(--mark);stroke-width:2}svg circle{fill:var(--quiet)}svg circle.us,figure:not(.map) svg circle{fill:var(--mark)}
svg .spread{stroke:var(--mark);stroke-width:2}svg .mark{stroke:var(--quiet);stroke-dasharray:4 4}
svg .note{fill:var(--quiet);font-size:12px;text-anchor:end}svg .left{text-anchor:start}.tiles{grid-template-columns:repeat(3,1fr)}.tile b{font-size:1.5rem}@media(max-width:34rem){.tiles{grid-template-columns:1fr 1fr}}.map svg{width:100%;max-width:30rem;height:auto}
.tile b.missing{font-size:1.2rem;line-height:2.2rem}.tile a{border:0}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:0 1.6rem}
.sources td,.sources th{font-size:.85rem}.sources td{text-align:left}.sources td:nth-child(2){white-space:nowrap}
.canvas{display:grid;gap:.6rem;grid-template-columns:1fr}
.canvas section{margin:0;padding:.7rem .9rem}.canvas h2{font-size:1rem}
.canvas ul{list-style:none;padding:0}.canvas li small{display:block}
.tag{display:inline-block;font-size:.75rem;border:1px solid var(--line);border-radius:.8rem;padding:0 .5rem;color:var(--quiet)}
.tag.stated,.tag.evidence{border-style:solid}.tag.fact{border-color:var(--mark);color:var(--mark)}.tag.claim{border-style:dashed}
@media(min-width:60rem){main.sheet{max-width:84rem}
.canvas{grid-template-columns:repeat(10,1fr);grid-template-areas:"p p a a v v l l s s" "p p r r v v c c s s" "k k k k k e e e e e"}
.partners{grid-area:p}.activities{grid-area:a}.resources{grid-area:r}.value{grid-area:v}.relationships{grid-area:l}.channels{grid-area:c}.segments{grid-area:s}.costs{grid-area:k}.revenue{grid-area:e}}
@page{size:A4;margin:14mm}
@media print{:root{color-scheme:light;--ink:#1c2530;--quiet:#5b6775;--line:#d9dee5;--paper:#fff;--ground:#fff;--mark:#2f6fb0}
body{font-size:11px;-webkit-print-color-adjust:exact;print-color-adjust:exact}main{max-width:none;padding:0}
section{break-inside:avoid;padding:.5rem .7rem;margin:.5rem 0}section.long{break-inside:auto}tr{break-inside:avoid}h1{font-size:1.4rem}.tile b{font-size:1.2rem}}
`.replaceAll('\n', '');
