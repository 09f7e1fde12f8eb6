"""Drives llama.cpp's server over HTTP, one connection per slot. Settings: program, slots, version."""
import http.client
import json
import queue
import socket
import subprocess
import sys
import threading
import time

import measure

START_SECONDS = 300


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(args, port, log):
    slots = int(args.set["slots"])
    context = slots * (-(-args.max_length // 256) * 256)
    command = [args.set["program"], "-m", args.model, "-t", str(args.threads), "-tb", str(args.threads), "-np", str(slots),
               "-c", str(context), "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit and server.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return server
        except OSError:
            pass
        time.sleep(0.1)
    server.kill()
    server.wait()
    raise SystemExit(f"llama-server did not start; its log is {log.name}")


def complete(connection, prompt):
    body = {"prompt": prompt.tokens, "n_predict": prompt.output, "ignore_eos": True, "temperature": 0, "top_k": 1,
            "samplers": ["top_k"], "cache_prompt": True, "return_tokens": True}
    connection.request("POST", "/completion", json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read()
    if response.status != 200:
        raise RuntimeError(f"llama-server answered {response.status}: {text[:300]!r}")
    return json.loads(text)["tokens"]


def work(port, prompts, todo, answers, errors):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3600)
    while not errors:
        try:
            at = todo.get_nowait()
        except queue.Empty:
            return
        try:
            answers[at] = complete(connection, prompts[at])
        except Exception as error:  # carried to the main thread
            errors.append(error)


def generator(port, slots):
    def generate(prompts):
        todo, answers, errors = queue.Queue(), [[] for _ in prompts], []
        for at in range(len(prompts)):
            todo.put(at)
        threads = [threading.Thread(target=work, args=(port, prompts, todo, answers, errors))
                   for _ in range(min(slots, len(prompts)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise SystemExit(f"a request failed: {errors[0]}")
        return answers
    return generate


def main():
    args = measure.arguments()
    with open(args.json + ".server.log", "w") as log:
        port = free_port()
        server = start(args, port, log)
        try:
            version = args.set["version"]
            measure.drive(lambda _: (generator(port, int(args.set["slots"])), version), args)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())
