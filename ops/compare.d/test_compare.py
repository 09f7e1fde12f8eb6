"""Tests of ops/compare with made-up engines that answer at once: python3 -m unittest discover -s ops/compare.d"""
import contextlib
import io
import json
import pathlib
import shlex
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import compare  # noqa: E402
import measure  # noqa: E402
import peers as engines  # noqa: E402
import table  # noqa: E402

LAUNCHER = """
import json, pathlib, sys
def after(name):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None
if after("--write-model"):
    pathlib.Path(after("--write-model")).mkdir(parents=True)
if after("--write-prompts"):
    folder = pathlib.Path(after("--write-prompts"))
    folder.mkdir(parents=True, exist_ok=True)
    for name in ["warm-up"] + [f"run-{n + 1}" for n in range(int(after("--repeat")))]:
        lines = [json.dumps({"body": {"prompt": [1, 2, i], "max_tokens": 2}}) for i in range(3)]
        (folder / (name + ".jsonl")).write_text("\\n".join(lines) + "\\n")
"""
ENGINE = """
import pathlib, sys
sys.path.insert(0, CODE)
import measure
args = measure.arguments()
with open(COUNTER, "a") as out:
    out.write("x")
prompts = measure.read_prompts(f"{args.prompts}/run-{args.run}.jsonl")
answers = [[FIRST] * (p.output - MISSING) for p in prompts]
measure.check(prompts, answers)
seconds = BASE + args.run
measure.write(args, {"seconds": seconds, "output_tokens_per_second": 6 / seconds, "version": "1"}, answers)
"""


class Fake(engines.Peer):
    """An engine of a few lines: its run N takes base + N seconds."""

    def __init__(self, name, base=0.0, first=7, missing=0, fails=None):
        self.name = name
        self.values = {"BASE": base, "FIRST": first, "MISSING": missing}
        self.fails = fails

    def install(self, work, shell):
        self.counter = work / (self.name + ".runs")
        if self.fails:
            shell.run(sys.executable, "-c", self.fails, what=f"{self.name}: building")

    def model(self, work, base, weights, shell):
        return base / "hf"

    def command(self, work, weights):
        values = {**self.values, "COUNTER": str(self.counter), "CODE": str(engines.CODE)}
        program = "".join(f"{key} = {value!r}\n" for key, value in values.items()) + ENGINE
        return [sys.executable, "-c", program]

    def runs(self):
        return len(self.counter.read_text()) if self.counter.exists() else 0


class CompareTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)

    def compare(self, peers, *more):
        """Exit code, what was printed, and the JSON."""
        known = {peer.name: peer for peer in peers}
        out, report = io.StringIO(), self.work / "out.json"
        launcher = shlex.join([sys.executable, "-c", LAUNCHER])
        with contextlib.redirect_stdout(out):
            code = compare.main(["--folder", str(self.work), "--millrace", launcher, "--weights", "int8", "--shape", "tiny",
                                 "--json", str(report), *more], lambda _: known)
        return code, out.getvalue(), json.loads(report.read_text()) if report.exists() else None

    def refused(self, *argv):
        err = io.StringIO()
        with contextlib.redirect_stderr(err), self.assertRaises(SystemExit) as end:
            compare.main(["--folder", str(self.work), *argv])
        self.assertEqual(2, end.exception.code)
        return err.getvalue()

    def test_medians_and_ratios_of_the_table_and_the_json(self):
        code, out, report = self.compare([Fake("slow", 8), Fake("quick", 2)])
        self.assertEqual(0, code)
        self.assertEqual(["quick", "slow"], [row["engine"] for row in report["rows"]])
        quick, slow = report["rows"]
        self.assertEqual([3, 4, 5], quick["runs"]["seconds"])
        self.assertEqual({"seconds": 4, "output_tokens_per_second": 1.5}, quick["median"])
        self.assertEqual(1, quick["ratio"]["seconds"])
        self.assertEqual(10 / 4, slow["ratio"]["seconds"])
        self.assertIn("| slow | int8 | 10.00 | 2.50 | 0.60 |", out)

    def test_what_fails_to_install_is_not_run_and_says_step_reason_and_log(self):
        broken = Fake("broken", fails="import sys; sys.exit('no compiler error')")
        code, out, report = self.compare([broken, Fake("quick")], "--runs", "1")
        self.assertEqual(0, code)
        self.assertEqual(["quick"], [row["engine"] for row in report["rows"]])
        reason = report["not_run"][0]["reason"]
        for part in ("broken: building", "code 1", "no compiler error", str(self.work / "broken.log")):
            self.assertIn(part, reason)
        self.assertIn(f"broken (int8) not run: {reason}", out)
        self.assertEqual(0, broken.runs())

    def test_a_run_without_full_answers_does_not_count(self):
        code, out, report = self.compare([Fake("short", missing=1)], "--runs", "2")
        self.assertEqual(1, code)
        self.assertEqual([], report["rows"])
        self.assertIn("prompt 0 was answered with 1 tokens, not 2", report["not_run"][0]["reason"])

    def test_what_was_measured_today_is_not_measured_again(self):
        peer = Fake("quick")
        self.compare([peer], "--runs", "2")
        first = peer.runs()
        _, out, report = self.compare([peer], "--runs", "3")
        self.assertEqual([2, 3], [first, peer.runs()])
        self.assertEqual([1, 2, 3], report["rows"][0]["runs"]["seconds"])
        self.assertEqual(2, out.count("(measured before)"))
        self.compare([peer], "--runs", "3", "--fresh")
        self.assertEqual(6, peer.runs())

    def test_wrong_command_lines_end_with_2_and_say_what_there_is(self):
        self.assertIn("there is no engine 'lama'; choose from millrace,vllm,vllm-zentorch,openvino,llama.cpp,llama-server",
                      self.refused("--peers", "millrace,lama"))
        self.assertIn("choose from int8,bf16", self.refused("--weights", "int4"))
        self.assertIn("--runs must be at least 1", self.refused("--runs", "0"))
        self.assertIn("nowhere", self.refused("--json", str(self.work / "nowhere" / "out.json")))
        self.assertFalse((self.work / "models").exists())


class PartsTest(unittest.TestCase):
    def test_an_earlier_failure_in_the_log_is_not_the_reason(self):
        with tempfile.TemporaryDirectory() as folder:
            shell = engines.Shell(pathlib.Path(folder) / "log", lambda text: None)
            for text in ("an old error", "a new reason"):
                with self.assertRaises(engines.NotRun) as raised:
                    shell.run(sys.executable, "-c", f"import sys; sys.exit({text!r})")
            self.assertIn("a new reason", str(raised.exception))

    def test_an_unfinished_model_is_made_anew(self):
        with tempfile.TemporaryDirectory() as folder:
            target = pathlib.Path(folder) / "model"

            def fail(part):
                part.mkdir()
                raise engines.NotRun("half")
            with self.assertRaises(engines.NotRun):
                engines.made(target, fail)
            self.assertFalse(target.exists())
            self.assertTrue(engines.made(target, lambda part: part.write_text("whole")).is_file())

    def test_another_pin_is_another_installation(self):
        changes = {
            "vllm": ("REQUIREMENTS", pathlib.Path(__file__)),
            "llama.cpp": ("LLAMA_VERSION", "0"),
            "llama-server": ("LLAMA_VERSION", "0"),
        }
        for name, peer in engines.all_peers("millrace").items():
            before = peer.stamp()
            self.assertEqual(before, peer.stamp())
            if name in changes:
                with unittest.mock.patch.object(engines, *changes[name]):
                    self.assertNotEqual(before, peer.stamp(), name)
        plugin = engines.VllmZentorch()
        before = plugin.stamp(), plugin.plugin_home(pathlib.Path("work"))
        plugin.plugin = "zentorch==0"
        self.assertNotEqual(before[0], plugin.stamp())
        self.assertNotEqual(before[1], plugin.plugin_home(pathlib.Path("work")))

    def test_agreement_is_of_the_same_run(self):
        ours = [{"run": 1, "first_tokens": [1, 2]}, {"run": 2, "first_tokens": [3, 4]}]
        self.assertEqual(0.5, table.agreement([{"run": 2, "first_tokens": [3, 9]}], ours))
        self.assertIsNone(table.agreement([{"run": 3, "first_tokens": [3]}], ours))

    def test_a_common_prefix_leaves_each_prompt_a_token(self):
        prompts = [measure.Prompt([1, 2, 3], 1), measure.Prompt([1, 2], 1)]
        self.assertEqual([1], measure.common_prefix(prompts))
        self.assertEqual([], measure.common_prefix(prompts[:1]))

    def test_rates_of_a_single_stream(self):
        self.assertEqual({"prefill_tokens_per_second": 256, "decode_tokens_per_second": 64},
                         measure.single_stream([2, 1, 2]))


if __name__ == "__main__":
    unittest.main()
