// bull-board on Express as its documentation sets it up, with one shared connection: its fastest way.
// Reads the names of the queues from standard input, prints its port when it listens.
import { readFileSync } from "node:fs"
import { createBullBoard } from "@bull-board/api"
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter"
import { ExpressAdapter } from "@bull-board/express"
import { Queue } from "bullmq"
import express from "express"
import { Redis } from "ioredis"

const names = readFileSync(0, "utf8").split("\n").filter(Boolean)
const connection = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null })
const serverAdapter = new ExpressAdapter()
createBullBoard({ queues: names.map(name => new BullMQAdapter(new Queue(name, { connection }))), serverAdapter })

const app = express()
app.use("/", serverAdapter.getRouter())
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port))
