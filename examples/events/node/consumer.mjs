// What the main platform hears, with amqplib and nothing of this service.
//
// AMQP_URL says where the broker is, QUEUE which queue to use. Prints `ready` when it listens, then a line for every
// event that it has worked: the event's id, and what was done.
import amqp from "amqplib";

const EXCHANGE = "allie.events";
const KINDS = ["connection-changed", "sync-finished", "payroll-changed", "payroll-erased"];

// In the platform both are tables, and the note of an event is committed together with its effect.
const worked = new Set();
const clinics = new Map();

/** The effect of an event; null for a duplicate. */
function work(event) {
  if (worked.has(event.id)) return null;
  worked.add(event.id);
  const { data } = event;
  switch (event.type.split(".")[2]) {
    case "connection-changed":
      return connectionChanged(event);
    case "sync-finished":
      return `${data.clinic_id}: ${data.mode} is over, ${data.backfill_percent} % of the details are here`;
    case "payroll-changed":
      return `${data.clinic_id}: read ${data.pay_runs.length} pay runs, ${data.employees.length} employees again`;
    default:
      return `${data.clinic_id}: drop what came from ${data.tenant_id}`;
  }
}

/** Keep what the newest event of the clinic says; `sequence` compares as text, arrival tells nothing. */
function connectionChanged({ sequence, data }) {
  const known = clinics.get(data.clinic_id);
  if (known && known.sequence >= sequence) return `${data.clinic_id}: older than what we know`;
  clinics.set(data.clinic_id, { sequence, status: data.status, message: data.message });
  return `${data.clinic_id}: ${data.status} ${data.message ?? ""}`.trimEnd();
}

const connection = await amqp.connect(process.env.AMQP_URL);
const channel = await connection.createChannel();
const queue = process.env.QUEUE ?? "allie.platform";
await channel.assertExchange(EXCHANGE, "topic", { durable: true });
await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "quorum" } });
for (const kind of KINDS) await channel.bindQueue(queue, EXCHANGE, `allie.xero.${kind}.v1`);
await channel.prefetch(16);
await channel.consume(queue, (message) => {
  if (message === null) process.exit(1); // the queue was deleted
  const event = JSON.parse(message.content.toString());
  const done = work(event);
  if (done !== null) console.log(event.id, done);
  channel.ack(message); // after the commit: a crash before it only brings it again
});
console.log("ready");
process.on("SIGTERM", () => connection.close().then(() => process.exit(0)));
