/**
 * Frequent Han characters that occur in one way of writing only: `simplified traditional` side by side. Characters that
 * modern simplified text keeps beside the merged form (后 里 干 著 于 as words of their own) are left out, because they
 * decide nothing.
 */
const PAIRS =
  '这這个個为為们們来來时時说說会會过過学學国國对對发發动動经經种種还還进進现現没沒开開关關问問么麼样樣无無实實从從见見' +
  '两兩长長应應点點间間业業产產机機电電与與头頭让讓给給话話当當门門东東车車书書认認变變义義气氣员員体體记記边邊数數总總' +
  '战戰马馬军軍万萬论論设設结結运運处處则則觉覺难難声聲报報达達张張儿兒选選单單办辦务務网網线線条條环環该該调調带帶' +
  '标標请請构構组組类類级級据據统統计計议議权權价價华華节節传傳联聯质質转轉飞飛验驗题題压壓轻輕号號区區团團历歷养養' +
  '热熱亲親红紅罗羅语語证證识識译譯词詞评評试試诉訴误誤读讀课課谁誰谈談谢謝许許讲講访訪详詳诗詩诚誠订訂输輸较較连連' +
  '远遠边邊违違适適递遞逻邏邮郵释釋钟鐘钱錢铁鐵银銀错錯键鍵锁鎖镜鏡闭閉闻聞阅閱队隊阳陽阶階际際随隨险險陈陳陆陸隐隱' +
  '页頁顶頂项項须須顺順预預领領频頻颜顏额額风風饭飯馆館驱驅骑騎鱼魚鸟鳥麦麥黄黃齐齊龙龍龟龜严嚴丢丟丰豐临臨丽麗举舉' +
  '乐樂习習乡鄉买買乱亂争爭亏虧云雲亚亞仅僅仓倉仪儀优優伟偉伤傷伦倫伪偽众眾侧側侨僑债債值値倾傾储儲兰蘭兴興养養兽獸' +
  '冲沖决決况況冻凍净淨减減凤鳳凭憑击擊刘劉创創删刪别別剂劑剑劍剧劇劝勸励勵劳勞势勢勋勳匀勻医醫协協卖賣卢盧卫衛却卻' +
  '厂廠厅廳厉厲厌厭县縣参參双雙变變叠疊叶葉吓嚇吗嗎听聽启啟吴吳员員响響哑啞唤喚啰囉嘱囑围圍园園图圖圆圓圣聖场場块塊坏壞' +
  '坚堅坛壇坠墜垒壘垦墾墙牆壮壯壳殼备備复復够夠夹夾夺奪奋奮奖獎妇婦妈媽娱娛孙孫宁寧宝寶审審宪憲宫宮宽寬宾賓寻尋导導寿壽' +
  '将將尔爾尝嘗尽盡层層属屬岁歲岛島岭嶺币幣师師帐帳帮幫库庫庙廟废廢弃棄弯彎弹彈强強归歸录錄彻徹径徑忆憶忧憂态態怀懷怜憐' +
  '恋戀恶惡恼惱悬懸惊驚惧懼惨慘惯慣愤憤愿願戏戲户戶扑撲执執扩擴扫掃扬揚扰擾抚撫抢搶护護担擔拟擬拥擁择擇挂掛挡擋挥揮损損' +
  '换換掷擲摄攝摆擺携攜敌敵斋齋断斷旧舊显顯晋晉晓曉暂暫术術杀殺杂雜极極枪槍枫楓柜櫃栏欄树樹档檔桥橋检檢楼樓欢歡欧歐毁毀' +
  '毕畢汉漢汇匯汤湯沟溝泪淚泽澤洁潔浅淺浆漿测測济濟浏瀏浓濃涛濤润潤涨漲渊淵渐漸游遊湾灣湿濕满滿滚滾滤濾灭滅灯燈灵靈灾災' +
  '炉爐烂爛烟煙烦煩烧燒爱愛牵牽犹猶独獨狮獅猎獵献獻玛瑪珑瓏琐瑣画畫畅暢疗療疯瘋盐鹽监監盖蓋盘盤睁睜码碼础礎确確碍礙礼禮' +
  '祸禍离離积積称稱穷窮窃竊竞競笔筆签簽简簡粮糧纠糾纪紀约約纯純纸紙纷紛纹紋纺紡练練细細织織终終绍紹绑綁绕繞绘繪络絡绝絕' +
  '继繼绩績续續维維绿綠编編缓緩缘緣缩縮缺缺罚罰职職胜勝胶膠脑腦脸臉舰艦艺藝范範药藥获獲营營蓝藍虑慮虽雖虚虛蚁蟻补補装裝' +
  '袭襲观觀规規视視览覽触觸誉譽贝貝负負财財责責败敗货貨贵貴费費资資赏賞赖賴赛賽赞贊赵趙趋趨跃躍践踐踪蹤车車轮輪软軟载載' +
  '辅輔辈輩辉輝辑輯辞辭辽遼迁遷迟遲邓鄧郑鄭采採针針钢鋼钮鈕铃鈴铜銅链鏈销銷锋鋒闪閃闲閒闹鬧阔闊韩韓顾顧饮飲饰飾驶駛骗騙';

/**
 * Japanese forms that neither Chinese way of writing uses, and characters made in Japan; text without kana is called
 * Japanese only when one of these is seen.
 */
const JAPANESE_ONLY =
  '図対発経済駅働込畑峠円売歩渋沢広駄読総応転単戦実権変辺様気悪悩拡拠挙検歴残浄涙満焼犠獣産県稲穏竜続緑縦縄聴臓蔵薬薫訳証譲豊賛軽逓遅郷鉄銭錬鎮関険隠雑霊頼顕騒験髪鶏黒黙齢枠匂笹辻榊塀搾腺';

export const SIMPLIFIED = 1;
export const TRADITIONAL = 2;
export const JAPANESE = 3;

/** UTF-16 unit -> the only way of writing that has it, or 0. Chinese forms that Japanese shares count as Chinese. */
export const hanWriting = new Uint8Array(0x10000);

for (const character of JAPANESE_ONLY) hanWriting[character.charCodeAt(0)] = JAPANESE;
for (let i = 0; i + 1 < PAIRS.length; i += 2) {
  const traditional = PAIRS.charCodeAt(i + 1);
  if (PAIRS.charCodeAt(i) !== traditional) hanWriting[traditional] = TRADITIONAL;
}
for (let i = 0; i + 1 < PAIRS.length; i += 2) {
  const simplified = PAIRS.charCodeAt(i);
  if (simplified !== PAIRS.charCodeAt(i + 1)) hanWriting[simplified] = SIMPLIFIED;
}
