/**
 * What Latin-script languages are recognised by: their most frequent words and a few that carry typical endings. Word
 * boundaries and letter trigrams are learned from the same lists, so that words not listed count as well.
 */
export const LATIN_WORDS = {
  en: `the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one you
    were her all she there would their we him been has when who will more no if out so said what up its about into than them
    can only other new some could time these two may then do first any my now such like our over man me even most made after also
    did many before must through back years where much your way well down should because each just those people how too little
    state good very make world still own see men work long get here between both life being under never day same another know
    while last might us great old year off come since against go came right used take three information system package software
    file files use user using default available version install installation configuration development following section
    documentation number program programs network running support process important different example possible general public
    introduction overview getting started basic advanced references requirements settings choosing understanding security
    search standard device character block key keyboard mouse screen menu click left right copy help editor text pattern match
    command commands terminal shell script scripts machine machines computer computers package name names list main change set
    find show open close read write print run start stop enable disable build source code data base line lines error message
    test testing stable release manager guide author authors archive internal external common special press exit quit apply
    returns each optional required recommended large small big hard soft link pipe socket disk drive audio video image game
    browser server client network address mail mailing group groups site page pages search engine question answer project
    community freely distribution support license public free service quality price product order customer shipping delivery
    hotel room food nice bad love best thank thanks please welcome house school water country world week month today tomorrow
    yesterday morning night money business company market health children woman women family student research study science
    history war power law art music book story word letter paper friend father mother city place hand head eye something
    nothing everything really always often sometimes together however although therefore without within around during`,
  de: `der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach
    wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man sein wurde sei
    ich wenn kann gegen vom können schon wir ihr ihre unter doch diese dieser keine sehr jetzt wieder muss ihm uns seine alle
    hier zwischen immer gibt möchte heute weil während jedoch müssen sollte ihnen etwas nichts mich mir dich dir warum wo Straße
    Jahr Zeit Menschen Arbeit Entwicklung Verwendung Möglichkeit Gesellschaft Regierung schnell schön groß deutsche verschiedene`,
  fr: `le de la et les des un une en à est que qui dans du pour pas sur au ne se plus par ce avec il sont cette ou son mais nous
    vous ils elle comme tout aux leur été être même ont fait bien peut sans sa ses ces deux si ans entre encore aussi après
    dont très avant où donc alors moins toujours quand notre votre je tu mon moi avoir faire était avait c'est n'est d'un
    l'on qu'il j'ai aujourd'hui parce depuis autre autres chez vers toutes tous année temps jour développement utilisation
    gouvernement français nouvelle première possible rien jamais voir savoir pouvoir quelques monde beaucoup maison heureux`,
  es: `de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin sobre este ya
    entre cuando todo esta ser son dos también fue había era muy años hasta desde está mi porque qué sólo han yo hay vez puede
    todos así nos ni parte tiene él uno donde bien tiempo mismo ese ahora cada vida otro después otros aunque esa eso hace otra
    gobierno tan durante siempre día tanto ella tres sí dijo sido gran país según menos mundo año antes estado contra nada
    información desarrollo español número hacer usted niño mañana ellos nosotros cómo estoy tengo quiero casa trabajo`,
  it: `di che è la il un a per in una non sono mi si lo ma ho con le ti ha cosa se da come ci questo qui hai bene tu del i della
    sei me gli dei alla nel più al anche o delle perché era dal tutto quando mio chi solo fare stato suo essere degli nella
    molto ancora dopo dove sua due dalla anni così loro già sempre oggi ogni quello questa prima io lei lui noi voi tutti
    grazie vita tempo niente mai qualcosa allora adesso quella abbiamo posso voglio siamo italiano sviluppo città giorno`,
  pt: `de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu sua ou ser
    quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos ter seus quem nas me esse
    eles estão você tinha foram essa num nem suas meu às minha têm numa pelos elas havia seja qual será nós tenho lhe deles
    essas esses informação desenvolvimento português ano tempo então ainda dia coisa fazer mundo governo obrigado são onde`,
  nl: `de van een het en in is dat op te zijn met voor niet aan er die ook als om dan maar hij bij nog naar door ze werd wel uit
    over kan tot of heeft worden was wordt deze dit hun meer geen al zo ik je we wat hebben haar onder jaar veel zou mijn
    moet kunnen moeten tegen na zich mensen toen goed heb waar jij hem omdat alleen toch wij zij zoals tussen nu iets altijd
    ontwikkeling gebruik mogelijk regering waarom vandaag grote andere eerste tijd huis dag vrouw nieuwe steeds echter`,
  pl: `w i na z do się nie to że o jest za od po jak przez dla ale co tym czy był tak już przy jego lub może oraz być są ze które
    który która tylko tego jej ich było tej ma lat roku tylko gdy jeszcze bardzo mnie mi jako także więc nas bez kiedy sobie
    gdzie jestem dzień dobry rozwój informacje polski czas ludzi wszystko można będzie przed także między jednak nawet pod`,
  sv: `och i att det som en på är av för med den till inte om ett han var de från men jag har sig så vi kan man nu ut när hon
    eller ska hade där vid mot skulle över efter upp också bara många mycket under hur år alla mig varit sin detta vad denna
    finns andra utan något dem kommer få måste blir själv här några sedan idag vill svenska utveckling därför hus mellan`,
  da: `og i at det er en til af på som for med den de ikke der var et fra har han men om sig så vi kan jeg man nu ud når hun
    eller skal havde hvor ved mod ville over efter op også kun mange meget under hvordan år alle mig været sin dette hvad
    denne findes andre uden noget dem kommer få må bliver selv her nogle siden dag vil dansk udvikling derfor mellem`,
  fi: `ja on ei se että oli hän mutta ovat kun niin myös tai kuin jos joka sen olla mitä tämä nyt vain hänen ne voi sitä minä
    ollut ole vielä kaikki mukaan jo jotka sekä jälkeen kanssa hyvä siitä vuoden ennen nämä täällä suomen kehitys päivä`,
  cs: `a se v na je že s z do o i to k ve pro za by ale si po jako jsem jsou od které který co tak když být už nebo jeho jen byl
    bylo při až může také podle před jak tím této není více také však protože kde dobrý den česky vývoj jejich může být`,
  tr: `bir ve bu da de için ile çok ne daha gibi en kadar sonra olarak var ama olan değil ben sen o mi mı her olduğu iki
    kendi şey zaman ki yok diye ya bunu onu nasıl böyle biz siz onlar türkiye gün yeni önce büyük göre ise iyi geliştirme`,
  id: `yang dan di ini untuk dengan dari itu tidak pada ke adalah dalam akan orang juga saya bisa ada kita sudah atau oleh
    mereka telah kami karena lebih tersebut seperti dia anda harus dapat menjadi tahun banyak bahwa hanya saat secara hari`,
  vi: `và của là có được không trong cho người một các với đã này những để khi đến từ như nhiều về tôi anh ra cũng vào lại
    năm làm việc phải sự trên đó hay chỉ nhưng bạn còn nước rất thì sẽ theo đang việt nam thời gian ngày hơn nhất`,
  ro: `și de la în a cu nu pe că să se din o este un mai pentru ce care sunt au fi ca dar am lui fost ai prin după cum ale
    acest această foarte doar dacă când sau tot fără între până toate mult acum oameni timp zi bine român dezvoltare`,
  hu: `a az és hogy nem is egy van ez volt meg csak de ha már mint még azt el kell lehet minden most nagyon vagy ki be fel
    aki ami amely után között több lesz itt ott én te ő mi ti ők magyar nap jó fejlesztés számára szerint azonban`,
} as const satisfies Record<string, string>;

export type LatinLanguage = keyof typeof LATIN_WORDS;
