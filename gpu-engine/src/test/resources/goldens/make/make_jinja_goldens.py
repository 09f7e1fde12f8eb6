"""Renders the small templates of jinja_cases.py by transformers, at a fixed time.

    python3 make_jinja_goldens.py --out goldens
"""
import argparse
import datetime
import json
import os

import transformers.utils.chat_template_utils as reference

from jinja_cases import TEMPLATES

MESSAGES = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 2, 3, 4, 5, 6)


def main(out):
    reference.datetime = FixedTime
    cases = []
    for template in dict.fromkeys(TEMPLATES):
        try:
            rendered, _ = reference.render_jinja_template([MESSAGES], chat_template=template, add_generation_prompt=True, bos_token="<s>", t=True)
            if " at 0x" not in rendered[0]:  # an address in memory is no result
                cases.append({"template": template, "rendered": rendered[0]})
        except Exception as e:
            cases.append({"template": template, "error": str(e)})
    os.makedirs(os.path.join(out, "jinja"), exist_ok=True)
    with open(os.path.join(out, "jinja", "language.json"), "w", encoding="utf-8") as f:
        json.dump({"reference": "transformers", "now": "2026-02-03T04:05:06Z", "messages": MESSAGES, "bos_token": "<s>", "variables": {"t": True}, "cases": cases}, f, indent=0, ensure_ascii=False)
    print(len(cases), "cases,", sum("error" in c for c in cases), "errors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default="goldens")
    main(parser.parse_args().out)
