// Solve the challenge of a gift's form while its donor fills it in: SHA-256 of "token:number" with so many leading zero bits.
// It is written out here because crypto.subtle is not there on a plain-HTTP address such as an onion service.

const SLICE_MS = 12;
const K = new Uint32Array(64);
const START = new Uint32Array(8);

(() => {
  const root = (number, power) => Math.floor(((number ** power) % 1) * 2 ** 32);
  for (let found = 0, number = 2; found < 64; number++) {
    let isPrime = true;
    for (let part = 2; part * part <= number; part++) isPrime &&= number % part !== 0;
    if (!isPrime) continue;
    if (found < 8) START[found] = root(number, 1 / 2);
    K[found++] = root(number, 1 / 3);
  }
})();

const turned = (word, by) => (word >>> by) | (word << (32 - by));

export function sha256(bytes) {
  const padded = new Uint8Array((((bytes.length + 8) >> 6) + 1) << 6);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, bytes.length * 8);
  const state = START.slice();
  const words = new Uint32Array(64);
  for (let block = 0; block < padded.length; block += 64) {
    for (let at = 0; at < 16; at++) words[at] = view.getUint32(block + at * 4);
    for (let at = 16; at < 64; at++) {
      const a = words[at - 15], b = words[at - 2];
      const low = turned(a, 7) ^ turned(a, 18) ^ (a >>> 3);
      const high = turned(b, 17) ^ turned(b, 19) ^ (b >>> 10);
      words[at] = words[at - 16] + low + words[at - 7] + high;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let at = 0; at < 64; at++) {
      const one = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + K[at] + words[at];
      const two = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, at) => { state[at] += word; });
  }
  return state;
}

export function leadingZeroBits(state) {
  let bits = 0;
  for (const word of state) {
    bits += Math.clz32(word);
    if (word !== 0) break;
  }
  return bits;
}

export async function solve(token, bits) {
  const encoder = new TextEncoder();
  for (let number = 0; ; ) {
    const until = performance.now() + SLICE_MS;
    while (performance.now() < until) {
      for (let most = number + 50; number < most; number++) {
        if (leadingZeroBits(sha256(encoder.encode(`${token}:${number}`))) >= bits) return String(number);
      }
    }
    await new Promise((resume) => { setTimeout(resume, 0); });
  }
}

for (const field of globalThis.document?.querySelectorAll("input[data-work]") ?? []) {
  const form = field.form;
  let solving = null;
  const begin = () => {
    solving ??= solve(form.elements.challenge.value, Number(field.dataset.work)).then((number) => { field.value = number; });
    return solving;
  };
  form.addEventListener("focusin", begin, { once: true });
  form.addEventListener("submit", (event) => {
    if (field.value) return;
    event.preventDefault();
    form.setAttribute("aria-busy", "true");
    begin().then(() => { form.removeAttribute("aria-busy"); form.submit(); });
  });
}
