/** Questions with choices, in the shapes that published sets have: MMLU, ARC, HellaSwag, C-Eval, CMMLU. */
import { z } from 'zod';

export interface ChoiceQuestion {
  readonly question: string;
  readonly choices: readonly string[];
  /** Number of the right one, from 0. */
  readonly answer: number;
}

const MAX_CHARACTERS = 200_000;
const MAX_CHOICES = 100;
const LETTERS = 'ABCDEFGHIJ';

const text = z.union([z.string(), z.number().transform(String)]).pipe(z.string().max(MAX_CHARACTERS));
const listed = z.array(text);
/** As ARC has them: labels beside texts. */
const labelled = z.object({ text: listed, label: listed }).refine(({ text: of, label }) => of.length === label.length);

interface Choices {
  readonly texts: readonly string[];
  readonly labels: readonly string[];
}

const letters = (texts: readonly string[]): Choices => ({ texts, labels: [...LETTERS].slice(0, texts.length) });

function choicesOf(record: Readonly<Record<string, unknown>>): Choices | undefined {
  const list = listed.safeParse(record['choices']);
  if (list.success) return letters(list.data);
  const withLabels = labelled.safeParse(record['choices']);
  if (withLabels.success) return { texts: withLabels.data.text, labels: withLabels.data.label };
  const columns: string[] = [];
  for (const letter of LETTERS) {
    const column = text.safeParse(record[letter]);
    if (!column.success || column.data === '') break;
    columns.push(column.data);
  }
  return columns.length === 0 ? undefined : letters(columns);
}

/** A number counts from 0; words are a choice's own text, its label, or digits that count from 0. */
function answerOf(answer: unknown, { texts, labels }: Choices): number {
  if (typeof answer === 'number') return answer;
  if (typeof answer !== 'string') return -1;
  const given = answer.trim();
  const byLabel = labels.findIndex((label) => label.trim().toLowerCase() === given.toLowerCase());
  const byText = texts.findIndex((choice) => choice.trim() === given);
  if (byText >= 0) return byText;
  return byLabel >= 0 ? byLabel : /^\d+$/.test(given) ? Number(given) : -1;
}

function problemOf({ texts }: Choices, answer: number): string | undefined {
  if (texts.length < 2) return 'there are fewer than two choices';
  if (texts.length > MAX_CHOICES) return `there are over ${MAX_CHOICES} choices`;
  if (texts.some((choice) => choice.trim() === '')) return 'a choice is empty';
  return Number.isInteger(answer) && answer >= 0 && answer < texts.length
    ? undefined
    : `the answer is none of the ${texts.length} choices`;
}

/** @param needsAnswer records that only ask have none, and stand with the answer 0 */
export const choiceSchema = (needsAnswer: boolean): z.ZodType<ChoiceQuestion> =>
  z.record(z.string(), z.unknown()).transform((record, context): ChoiceQuestion => {
    const refuse = (message: string): never => {
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    };
    const question = text.safeParse(record['question']);
    if (!question.success || question.data.trim() === '') return refuse('no question');
    const choices = choicesOf(record);
    if (choices === undefined) return refuse('no choices: a list, or columns A, B, C …');
    const answer = needsAnswer ? answerOf(record['answer'], choices) : 0;
    const problem = problemOf(choices, answer);
    return problem === undefined
      ? { question: question.data, choices: choices.texts.map((choice) => choice.trim()), answer }
      : refuse(problem);
  });
