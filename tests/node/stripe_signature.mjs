// Sign a body as Stripe's own Node library does for tests, or check a signature: sign|check SECRET BODY [HEADER].
import Stripe from "stripe";

const stripe = new Stripe("sk_test_nothing");
const [what, secret, payload, header] = process.argv.slice(2);
if (what === "sign") {
  console.log(stripe.webhooks.generateTestHeaderString({ payload, secret }));
} else {
  console.log(stripe.webhooks.constructEvent(payload, header, secret).id);
}
