// The same program as worker.py with the worker of Node: node worker.mjs '{"url": …}'.

import { openSync, writeSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../interop/package.json", import.meta.url));
const { Worker } = require("bullmq6");
const { Cluster } = require("ioredis");

const order = JSON.parse(process.argv[2]);
const [scheme, rest] = order.url.split("://");
const [places, name] = rest.split("/");
const hosts = places.split(",").map((place) => {
  const [host, port] = place.split(":");
  return { host, port: Number(port) };
});
const connections = {
  redis: () => ({ ...hosts[0], maxRetriesPerRequest: null }),
  "redis+sentinel": () => ({ sentinels: hosts, name, maxRetriesPerRequest: null }),
  // 16 redirections, the default, are over before a replica has taken over; the job would then fail for that reason.
  "redis+cluster": () => new Cluster(hosts, { maxRedirections: 200, redisOptions: { maxRetriesPerRequest: null } }),
};

const log = openSync(order.log, "a");
const worker = new Worker(
  order.queue,
  async (job) => {
    writeSync(log, `${job.id} ${Date.now()}\n`);
    if (order.seconds) await new Promise((resolve) => setTimeout(resolve, order.seconds * 1000));
  },
  {
    connection: connections[scheme](),
    prefix: order.prefix,
    concurrency: order.options.concurrency,
    lockDuration: order.options.lock_duration,
    stalledInterval: order.options.stalled_interval,
    maxStalledCount: order.options.max_stalled_count,
  },
);
worker.on("error", () => {});
