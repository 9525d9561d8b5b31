"""python3-rq: a worker process runs 100 jobs; results, failures and registries are right."""
import os, subprocess, sys

try:
    import redis, rq
except ImportError:
    print("no python3-rq")
    sys.exit(77)

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
import rq_jobs

connection = redis.Redis(host="127.0.0.1", port=int(os.environ["PORT"]))
connection.flushall()
queue = rq.Queue("work", connection=connection)
jobs = [queue.enqueue(rq_jobs.square, number) for number in range(100)]
bad = queue.enqueue(rq_jobs.fail)
assert len(queue) == 101

# SimpleWorker runs jobs in its own process: the broker is what is tested, not fork.
program = (
    "import redis, rq, os\n"
    "from rq import SimpleWorker, Queue\n"
    "c = redis.Redis(host='127.0.0.1', port=int(os.environ['PORT']))\n"
    "SimpleWorker([Queue('work', connection=c)], connection=c).work(burst=True, logging_level='ERROR')\n"
)
environment = dict(os.environ, PYTHONPATH=here)
worker = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=100)
for number, job in enumerate(jobs):
    job.refresh()
    assert job.is_finished, (number, job.get_status(), worker.stderr[-2000:])
    result = job.return_value() if callable(getattr(job, "return_value", None)) else job.result
    assert result == number * number, (number, result)
bad.refresh()
assert bad.is_failed and len(queue) == 0
assert len(rq.registry.FinishedJobRegistry(queue=queue)) == 100
assert len(rq.registry.FailedJobRegistry(queue=queue)) == 1
connection.flushall()
print("100 jobs and a failing one, rq", rq.VERSION)
