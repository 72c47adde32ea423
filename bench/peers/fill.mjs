// Fills a Redis with Node BullMQ for the comparison of pages; see bench/pages.py. Prints one line of JSON: the ids by name.
// Reads {url, scene, queues, jobs, children, payload} from its first argument.
import { FlowProducer, Queue, Worker } from "bullmq";
import { Redis } from "ioredis";

const wish = JSON.parse(process.argv[2]);
const connection = new Redis(wish.url, { maxRetriesPerRequest: null });
const BULK = 5_000;
const TOKEN = "fill";

const order = (number) => ({
  orderId: number, customer: { id: 41_907 + number, email: "somebody@example.com" }, amount: 12.5, retry: false,
});

const range = (count, make) => Array.from({ length: count }, (_, number) => make(number));

// What follows is done for many queues at once, but not for thousands: each has connections.
async function inTurns(items, most, act) {
  const left = [...items];
  await Promise.all(range(most, async () => { while (left.length) await act(left.shift()); }));
}

function callGateway(depth, message) {
  if (depth) return callGateway(depth - 1, message);
  const error = new Error(message);
  error.name = "GatewayTimeoutError";
  return error;
}

// Take so many jobs and end each as `ends` says: with an error, or with a result.
async function work(name, count, ends) {
  const worker = new Worker(name, null, { connection, autorun: false });
  for (let number = 0; number < count; number += 1) {
    const job = await worker.getNextJob(TOKEN);
    const failure = ends(number);
    if (failure) await job.moveToFailed(failure, TOKEN, false);
    else await job.moveToCompleted({ ok: true }, TOKEN, false);
  }
  await worker.close();
}

const scenes = {
  // Many queues as a busy system has them: some jobs wait, some failed, the last few are done.
  async many() {
    await inTurns(range(wish.queues, (number) => number), 25, async (number) => {
      const name = `area${String(number % 20).padStart(2, "0")}.queue-${String(number).padStart(4, "0")}`;
      const queue = new Queue(name, { connection });
      const [waiting, failed, done] = [number % 5, number % 3, 3];
      await queue.addBulk(range(waiting + failed + done, (at) => ({ name: "charge", data: order(at) })));
      await work(name, failed + done, (at) => at < failed && callGateway(8, "upstream did not answer"));
    });
    return {};
  },

  // Six queues, most of them with something that is hard to show.
  async hard() {
    const big = new Queue("big", { connection });
    for (let at = 0; at < wish.jobs; at += BULK) {
      const some = Math.min(BULK, wish.jobs - at);
      await big.addBulk(range(some, (number) => ({ name: "charge", data: order(at + number) })));
    }
    await work("big", 200, () => callGateway(8, "upstream did not answer"));

    const line = (number) => ({ sku: `A-${100_000 + number}`, count: number % 9, price: 12.5, note: "as ordered" });
    const lines = [];
    for (let bytes = 0; bytes < wish.payload; bytes += JSON.stringify(lines.at(-1)).length + 1) lines.push(line(lines.length));
    const large = await new Queue("large", { connection }).add("import", { customer: "Meyer", lines });

    // No client of BullMQ for Node writes these two; those in other languages, and hands, do.
    const broken = new Queue("broken", { connection });
    await broken.addBulk(range(5, (number) => ({ name: "charge", data: order(number), opts: { jobId: `charge-${number}` } })));
    await work("broken", 5, () => callGateway(8, "upstream did not answer"));
    await connection.hset("bull:broken:charge-2", "data", '{"orderId": 2, "customer": {"id"');
    const exact = await new Queue("exact", { connection }).add("pay", order(1));
    const digits = '{"account":9007199254740993,"share":0.10000000000000000001,"name":"of the ledger"}';
    await connection.hset(`bull:exact:${exact.id}`, "data", digits);

    const flows = new FlowProducer({ connection });
    const children = range(wish.children, (number) => ({ name: `chapter-${number}`, queueName: "parts", data: order(number) }));
    const flow = await flows.add({ name: "book", queueName: "books", data: {}, children });
    await work("parts", 50, (number) => number === 30 && callGateway(8, "chapter does not compile"));
    return { large: large.id, broken: "charge-2", exact: exact.id, flow: flow.job.id };
  },
};

console.log(JSON.stringify(await scenes[wish.scene]()));
process.exit(0);
