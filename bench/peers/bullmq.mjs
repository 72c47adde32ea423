// One piece of work with Node BullMQ, measured in this process: prints one line of JSON. See bench/engine.py.
import { createRequire } from "node:module";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

const task = JSON.parse(process.argv[2]);
const load = createRequire(task.modules);
const { Queue, Worker, FlowProducer } = load(task.package);
const connection = { host: "127.0.0.1", port: task.port, maxRetriesPerRequest: null };
const queue = new Queue("bench", { connection });
await queue.waitUntilReady();
const redis = new (load("ioredis"))(task.port, "127.0.0.1", { maxRetriesPerRequest: null });

const redisCpu = async () => {
  const info = await redis.info("cpu");
  return Number(/used_cpu_user:([\d.]+)/.exec(info)[1]) + Number(/used_cpu_sys:([\d.]+)/.exec(info)[1]);
};

const fill = async (opts) => {
  for (let at = 0; at < task.jobs; at += 1000) {
    const some = Math.min(1000, task.jobs - at);
    await queue.addBulk(Array.from({ length: some }, () => ({ name: "job", data: task.payload, opts })));
  }
};

const drain = (processor) => new Promise((resolve) => {
  let done = 0;
  const worker = new Worker("bench", processor, { connection, concurrency: task.concurrency });
  worker.on("error", () => {});
  worker.on("completed", () => { if (++done === task.jobs) resolve(worker); });
});

const works = {
  async bulk() { await fill(); },
  async flight() {
    for (let at = 0; at < task.jobs; at += 1000) {
      await Promise.all(Array.from({ length: 1000 }, () => queue.add("job", task.payload)));
    }
  },
  async queues() {
    const several = Array.from({ length: task.queues }, (_, number) => new Queue(`bench-${number}`, { connection: redis }));
    for (let at = 0; at < task.jobs; at += 1000) {
      await Promise.all(
        Array.from({ length: 1000 }, (_, number) => several[(at + number) % task.queues].add("job", task.payload)),
      );
    }
  },
  async one() { for (let at = 0; at < task.jobs; at += 1) await queue.add("job", task.payload); },
  async drain() { return drain(async () => null); },
  async sleep() { return drain(async () => { await sleep(5); }); },
  async retries() { return drain(async (job) => { if (job.attemptsMade < 2) throw new Error("again"); }); },
  async flow() {
    const flows = new FlowProducer({ connection });
    const children = Array.from({ length: task.jobs - 1 }, () => ({ name: "job", queueName: "bench", data: task.payload }));
    await flows.add({ name: "parent", queueName: "bench", data: {}, children });
    const worker = await drain(async () => null);
    await flows.close();
    return worker;
  },
};

if (task.work === "latency") {
  let told;
  const worker = new Worker("bench", async () => { told(performance.now()); }, { connection, concurrency: 1 });
  await worker.waitUntilReady();
  const times = [];
  for (let at = 0; at < task.jobs + 20; at += 1) {
    await sleep(10);
    const begun = performance.now();
    const started = new Promise((resolve) => { told = resolve; });
    await queue.add("job", task.payload);
    times.push((await started) - begun);
  }
  console.log(JSON.stringify({ latencies_ms: times.slice(20) }));
  process.exit(0);
}
if (["drain", "sleep"].includes(task.work)) await fill();
if (task.work === "retries") await fill({ attempts: 3 });
if (["one", "flight", "bulk"].includes(task.work)) await queue.add("warm", {});
const redisBefore = await redisCpu();
const cpuBefore = process.cpuUsage();
const begun = performance.now();
const worker = await works[task.work]();
const seconds = (performance.now() - begun) / 1000;
const cpu = process.cpuUsage(cpuBefore);
const redisAfter = await redisCpu();
console.log(JSON.stringify({
  seconds, client_ms: (cpu.user + cpu.system) / 1000, redis_ms: (redisAfter - redisBefore) * 1000,
}));
void worker;
process.exit(0);
