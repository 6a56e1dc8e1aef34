import dragon
import multiprocessing as mp
import time


def hello(payload):

    p = mp.current_process()

    print(f"Hello World from {p.pid} with payload={payload} ", flush=True)
    time.sleep(1) # force all cpus to show up


if __name__ == "__main__":

    mp.set_start_method("dragon")

    cpu_count = mp.cpu_count()
    with mp.Pool(cpu_count) as pool:
        result = pool.map(hello, range(cpu_count))
