"""A web server whose threads use a pool of the whole program, and one of their own for each request."""

import multiprocessing as mp
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dragon  # noqa: F401


def square(n):
    return n * n


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        number = int(self.path[1:])
        with mp.Pool(1) as own:
            text = f"{pool.apply(square, (number,))} {own.apply(square, (number + 1,))}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def ask(port, number, answers):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{number}", timeout=20) as answer:
        answers[number] = answer.read().decode()


if __name__ == "__main__":
    mp.set_start_method("dragon")
    with mp.Pool(2) as pool, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        answers = {}
        askers = [threading.Thread(target=ask, args=(server.server_port, n, answers)) for n in range(4)]
        for each in askers:
            each.start()
        for each in askers:
            each.join()
        server.shutdown()
    print(*[answers.get(n) for n in range(4)], sep="; ")
