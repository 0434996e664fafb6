// What the main platform publishes, with amqplib and nothing of this service.
//
// One JSON object on standard input says what has happened; AMQP_URL says where the broker is:
//   echo '{"what": "asked_for_data", "clinic_id": "clinic-17"}' | AMQP_URL=amqp://localhost node producer.mjs
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import amqp from "amqplib";

const EXCHANGE = "allie.events";

/** The event for something that happened in the platform. */
function eventOf(happened) {
  switch (happened.what) {
    case "consented": // Xero has sent the clinic back to us, and `state` was ours
      return event("connect-completed", happened, {
        grant: { type: "authorization_code", ...some(happened, "code", "redirect_uri", "code_verifier") },
      });
    case "chose": // one of the `choices` of a connection-changed
      return event("connect-completed", happened, some(happened, "tenant_id"));
    case "asked_for_data":
      return event("sync-requested", happened, some(happened, "streams", "mode"));
    case "disconnected":
      return event("disconnect", happened, some(happened, "erase"));
    default:
      throw new Error(`nothing to publish for ${happened.what}`);
  }
}

function event(kind, happened, data) {
  return {
    specversion: "1.0",
    id: randomUUID(), // new for every event; to send it again, send the same bytes
    source: "allie-platform",
    type: `allie.xero.${kind}.v1`,
    time: new Date().toISOString(),
    datacontenttype: "application/json",
    data: { clinic_id: happened.clinic_id, ...some(happened, "requested_by"), ...data },
  };
}

function some(happened, ...names) {
  return Object.fromEntries(names.filter((name) => name in happened).map((name) => [name, happened[name]]));
}

/** Persistent, and confirmed; throws where the service has never been started. */
async function publish(url, made) {
  const connection = await amqp.connect(url);
  try {
    const channel = await connection.createConfirmChannel();
    await channel.assertExchange(EXCHANGE, "topic", { durable: true });
    let returned = false;
    channel.on("return", () => { returned = true; });
    const options = {
      contentType: "application/cloudevents+json", persistent: true, mandatory: true, messageId: made.id,
    };
    channel.publish(EXCHANGE, made.type, Buffer.from(JSON.stringify(made)), options);
    await channel.waitForConfirms(); // a message that no queue takes is returned before it is confirmed
    if (returned) throw new Error("no queue takes this event: has the service been started on this broker?");
  } finally {
    await connection.close();
  }
}

const made = eventOf(JSON.parse(readFileSync(0, "utf8")));
await publish(process.env.AMQP_URL, made);
console.log(made.id);
