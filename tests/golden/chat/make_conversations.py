"""Makes conversations.json and tokenizer.json beside it: whole conversations, and which of their tokens an assistant said,
as transformers renders them with the published templates of five families. The mask is found in another way than Moat
finds it: by the templates' own places of each answer, marked through Hugging Face's {% generation %}.
Run: python make_conversations.py (needs transformers, tokenizers, jinja2; versions are written into the file)."""
import json
import pathlib

import jinja2
import tokenizers
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent

# as published in tokenizer_config.json of Qwen2.5-Instruct (without its tools), Llama-3-8B-Instruct, SmolLM2-Instruct,
# gemma-2-it and zephyr-7b-beta; ANSWER … END surround what an assistant's turn is, and are taken out or replaced below ({{ '' }}
# keeps a line feed that Jinja would take away after a block)
QWEN = """{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}
    {{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>assistant\\n' }}ANSWER{{- message.content + '<|im_end|>' }}END{{- '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
LLAMA3 = """{% set loop_messages = messages %}{% for message in loop_messages %}{% set header = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' %}{% if loop.index0 == 0 %}{% set header = bos_token + header %}{% endif %}{{ header }}{% if message['role'] == 'assistant' %}ANSWER{{ message['content'] | trim + '<|eot_id|>' }}END{% else %}{{ message['content'] | trim + '<|eot_id|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"""
SMOLLM2 = """{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n'}}{% if message['role'] == 'assistant' %}ANSWER{{ message['content'] + '<|im_end|>' }}END{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""
GEMMA = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' }}{% if role == 'model' %}ANSWER{{ message['content'] | trim + '<end_of_turn>' }}END{% else %}{{ message['content'] | trim + '<end_of_turn>' }}{% endif %}{{ '\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"""
ZEPHYR = """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\n' }}ANSWER{{ message['content'] + eos_token }}END{{ '' }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}"""
TEMPLATES = {"qwen2.5": QWEN, "llama3": LLAMA3, "smollm2": SMOLLM2, "gemma": GEMMA, "zephyr": ZEPHYR}
SPECIAL = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
           "<start_of_turn>", "<end_of_turn>"]

user = lambda content: {"role": "user", "content": content}
assistant = lambda content: {"role": "assistant", "content": content}
CONVERSATIONS = [
    [user("What is 2 + 2?"), assistant("4.")],
    [{"role": "system", "content": "Be brief."}, user("Hi  "), assistant("Hello!"), user("谢谢"), assistant("不客气\n\nBye  x")],
    [user("Say it."), assistant("It."), user("Again: It."), assistant("It."), user("Enough")],
]

tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, merges=[]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
tokenizer.save(str(HERE / "tokenizer.json"), pretty=False)
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")

cases = []
for name, marked in TEMPLATES.items():
    plain = marked.replace("ANSWER", "").replace("END", "")
    generation = marked.replace("ANSWER", "{% generation %}").replace("END", "{% endgeneration %}")
    results = []
    for conversation in CONVERSATIONS:
        try:
            text = fast.apply_chat_template(conversation, chat_template=plain, tokenize=False)
            prompt = fast.apply_chat_template(conversation[:1], chat_template=plain, tokenize=False, add_generation_prompt=True)
            made = fast.apply_chat_template(conversation, chat_template=generation, return_dict=True, return_assistant_tokens_mask=True)
        except jinja2.exceptions.TemplateError:
            results.append(None)
            continue
        assert fast.decode(made["input_ids"]) == text, name
        results.append(dict(text=text, prompt=prompt, ids=made["input_ids"], mask=made["assistant_masks"]))
    cases.append(dict(name=name, template=plain, results=results))
versions = f"transformers {transformers.__version__}, tokenizers {tokenizers.__version__}, jinja2 {jinja2.__version__}"
content = dict(madeBy=f"tests/golden/chat/make_conversations.py, {versions}", conversations=CONVERSATIONS, cases=cases)
(HERE / "conversations.json").write_text(json.dumps(content, ensure_ascii=False) + "\n")
