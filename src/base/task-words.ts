/**
 * Titles of tasks and names of baselines stand in reports in English. These are the Chinese words for them: pages, reports and the
 * studio show the same ones.
 */
export const CHINESE_TASK_WORDS: Readonly<Record<string, string>> = {
  'Text classification': '文本分类',
  'Several topics of a text': '多主题标注',
  alone: '单独训练',
  'The answer within a text': '抽取式问答（在原文中找答案）',
  'the sentence most like the question (BM25)': '与问题最相似的句子（BM25）',
  'the first sentence': '第一句话',
  'Names and figures in a text': '实体识别（人名、机构、个人信息）',
  'what was an entity in training is one again': '训练中出现过的实体，再出现时照样标出',
  'the patterns that mask personal data': '数据清洗用的个人信息正则',
  'Classes of rows of a table': '表格分类',
  'Answers from documents': '基于文档的问答',
  'Sentence vectors and search': '句向量与检索',
  Translation: '翻译',
  'What a user will want next': '序列推荐',
  'What of a list is clicked': '点击率预估与排序',
  'Following instructions': '指令遵循',
  'Multiple choice': '选择题',
  'a choice by lot': '随机选择',
  'always the longest choice': '永远选最长的选项',
  'TF-IDF (character 1–3-grams) + logistic regression': 'TF-IDF（1–3 字符元组）+ 逻辑回归',
  'the same, its penalty chosen on the validation examples': '同上，惩罚系数在验证集上选定',
  'always the most frequent label': '永远猜最常见的标签',
  'TF-IDF (character 1–3-grams) + logistic regression a label, at one half': '每个标签一个 TF-IDF + 逻辑回归，阈值 0.5',
  'always the most frequent set of labels': '永远猜最常见的标签组合',
  'logistic regression': '逻辑回归',
  'the first documents of the base, never refusing': '总是给出前几篇文档，从不拒答',
  'TF-IDF of character 2–4-grams: names and figures that stand in both':
    '2–4 字符元组的 TF-IDF：靠两边共有的名称和数字',
  'copy of the source': '照抄原文',
  'translation of the nearest training sentence': '最相近训练句的译文',
  'the most popular items': '最热门的物品',
  'click rate of the item': '物品的历史点击率',
  'what most often followed the last item': '最常跟在上一件之后的物品',
};
