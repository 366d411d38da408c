"""Makes chat.json beside it: conversations as the templates of well-known tokenizers render them, by the Jinja of Hugging
Face transformers. Run: python make.py (needs transformers and jinja2; the versions used are written into the file)."""
import json
import pathlib

import jinja2
import transformers
from transformers.utils.chat_template_utils import render_jinja_template

# written in the manner of the templates that come with SmolLM2, Llama 3, Qwen 2.5, Gemma and Mistral
TEMPLATES = {
    "default-system": "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "headers": "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    "turns": "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}",
    "instructions": "{%- if messages[0]['role'] == 'system' -%}{%- set system = messages[0]['content'] -%}{%- set rest = messages[1:] -%}{%- else -%}{%- set rest = messages -%}{%- endif -%}{{ bos_token }}{%- for message in rest -%}{%- if message['role'] == 'user' -%}{%- if loop.last and system is defined -%}{{ '[INST] ' + system + '\n\n' + message['content'] + '[/INST]' }}{%- else -%}{{ '[INST] ' + message['content'] + '[/INST]' }}{%- endif -%}{%- elif message['role'] == 'assistant' -%}{{ ' ' + message['content'] + eos_token }}{%- endif -%}{%- endfor -%}",
}
USER = {"role": "user", "content": "  Write \"<|im_end|>\" twice, 谢谢 "}
CONVERSATIONS = [
    [USER],
    [{"role": "system", "content": "Be brief."}, USER],
    [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}, USER],
]
SPECIAL = dict(bos_token="<s>", eos_token="</s>")

cases = []
for name, template in TEMPLATES.items():
    rendered = []
    for conversation in CONVERSATIONS:
        try:
            texts, _ = render_jinja_template([conversation], chat_template=template, add_generation_prompt=True, **SPECIAL)
            rendered.append(texts[0])
        except jinja2.exceptions.TemplateError:
            rendered.append(None)
    cases.append(dict(name=name, template=template, rendered=rendered))
made_by = f"tests/golden/chat/make.py, transformers {transformers.__version__}, jinja2 {jinja2.__version__}"
content = dict(madeBy=made_by, variables=SPECIAL, conversations=CONVERSATIONS, cases=cases)
pathlib.Path(__file__).with_name("chat.json").write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
