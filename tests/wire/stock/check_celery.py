"""python3-celery: a worker runs 1,000 tasks and every result comes back."""
import os, signal, subprocess, sys, time

try:
    import celery
except ImportError:
    print("no python3-celery")
    sys.exit(77)

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
import redis
redis.Redis(host="127.0.0.1", port=int(os.environ["PORT"])).flushall()
import celery_tasks

environment = dict(os.environ, PYTHONPATH=here, C_FORCE_ROOT="1")
log = open(os.path.join(os.environ["FOLDER"], "celery.log"), "w+")
worker = subprocess.Popen(
    [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", "--pool", "threads", "-c", "4",
     "--loglevel", "WARNING", "--without-gossip", "--without-mingle"],
    cwd=here, env=environment, stdout=log, stderr=subprocess.STDOUT)
try:
    started = time.time()
    results = [celery_tasks.add.delay(number, number) for number in range(1000)]
    for number, result in enumerate(results):
        assert result.get(timeout=40) == 2 * number
    took = time.time() - started
except BaseException:
    log.seek(0)
    print(log.read()[-3000:])
    raise
finally:
    worker.send_signal(signal.SIGTERM)
    try:
        worker.wait(30)
    except subprocess.TimeoutExpired:
        worker.kill()
redis.Redis(host="127.0.0.1", port=int(os.environ["PORT"])).flushall()
print("1,000 tasks in %.1f s, celery %s" % (took, celery.__version__))
