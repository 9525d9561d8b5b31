import os
from celery import Celery

broker = "redis://127.0.0.1:%s/1" % os.environ["PORT"]
backend = "redis://127.0.0.1:%s/2" % os.environ["PORT"]
app = Celery("stock", broker=broker, backend=backend)
app.conf.update(worker_prefetch_multiplier=16, broker_connection_retry_on_startup=True, task_acks_late=True)


@app.task
def add(a, b):
    return a + b
