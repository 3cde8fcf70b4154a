'use strict';

const { Queue, Worker } = require('bullmq');

// Jobs leave Redis when they are done, as with the other systems.
const gone = { removeOnComplete: true, removeOnFail: true };

// redis is what ioredis wants to know. enableAutoPipelining stays off: with it puts and drains are a third slower.
// maxRetriesPerRequest must be null for workers.
function redis(at) {
  const where = at.network === 'unix' ? { path: at.addr } : address(at.addr);
  return {
    ...where, username: at.user || undefined, password: at.password || undefined, db: at.db,
    maxRetriesPerRequest: null,
  };
}

function address(addr) {
  const colon = addr.lastIndexOf(':');
  return { host: addr.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(addr.slice(colon + 1)) };
}

const now = () => Number(process.hrtime.bigint()) / 1e9; // in seconds

// A Bench is one queue, and what has become of its jobs.
class Bench {
  constructor(setup) {
    this.setup = setup;
    this.queue = new Queue(setup.queue, { connection: redis(setup.far), defaultJobOptions: gone });
    this.filler = new Queue(setup.queue, { connection: redis(setup.near), defaultJobOptions: gone });
    this.queue.on('error', this.failed);
    this.filler.on('error', this.failed);
    this.workers = [];
    this.ran = 0;
    this.wrong = null;
  }

  failed = (err) => { this.wrong ??= String(err); };

  async ready() {
    await this.queue.waitUntilReady();
    await this.filler.waitUntilReady();
  }

  payload(n) { return this.setup.payloads[n % this.setup.payloads.length]; }

  // work starts workers that run so many jobs at once together: two of them, which are a little faster than one. Lock
  // renewal and the look for stalled jobs stay on: they are what makes it safe.
  async work(concurrency, handler) {
    for (let left = concurrency, n = Math.min(2, concurrency); n > 0; n--) {
      const share = Math.ceil(left / n);
      const worker = new Worker(this.setup.queue, handler, { connection: redis(this.setup.far), concurrency: share, autorun: false });
      worker.on('error', this.failed);
      worker.run().catch(this.failed);
      this.workers.push(worker);
      left -= share;
    }
    await Promise.all(this.workers.map((w) => w.waitUntilReady()));
  }

  // stop closes the workers; each waits for those jobs that run.
  async stop() {
    await Promise.all(this.workers.splice(0).map((w) => w.close()));
  }

  // fill adds jobs that BullMQ numbers from 1.
  async fill(jobs) {
    const perCall = 1000, start = now();
    for (let n = 0; n < jobs; n += perCall) {
      const list = [];
      for (let i = n; i < Math.min(jobs, n + perCall); i++) list.push({ name: 'bench', data: this.payload(i) });
      await this.filler.addBulk(list);
    }
    this.jobs = jobs;
    this.seen = new Uint8Array(jobs);
    return { ops: jobs, seconds: now() - start };
  }

  // run lets the workers run jobs for some time, or until none is left. The workers go on. That they start is no part
  // of the time.
  async run(seconds) {
    if (this.workers.length === 0) {
      await this.work(this.setup.workers, async (job) => this.handle(job));
      await this.until(() => this.ran > 0, 60);
    }
    const before = this.ran, start = now();
    await this.until(() => this.ran === this.jobs, seconds);
    if (this.wrong) throw new Error(this.wrong);
    return { ops: this.ran - before, seconds: now() - start };
  }

  // handle is the handler: it does nothing but look at what it got.
  handle(job) {
    const n = Number(job.id) - 1;
    if (!(n >= 0 && n < this.jobs) || job.data !== this.payload(n)) {
      this.wrong ??= `WRONG RESULT: job ${job.id} is not what was put`;
    } else if (this.seen[n]) {
      this.wrong ??= `WRONG RESULT: job ${job.id} was run twice`;
    } else {
      this.seen[n] = 1;
    }
    this.ran++;
  }

  // until waits until done returns true, something goes wrong or the time is over.
  async until(done, seconds) {
    const end = now() + seconds;
    while (!this.wrong && !done() && now() < end) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(5, Math.max(0, (end - now()) * 1000))));
    }
  }

  // end ends the workers and says how many jobs have run in all.
  async end() {
    await this.stop();
    if (this.wrong) throw new Error(this.wrong);
    return { ops: this.ran };
  }

  async close() {
    await this.stop();
    await this.queue.close();
    await this.filler.close();
  }
}

module.exports = { Bench, now };
