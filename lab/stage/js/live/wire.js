// The wire: safetensors frames in, JSON orders out, over one WebSocket that comes back.

/** One frame: an 8-byte length, a JSON header, then the raw arrays. */
export function decodeFrame(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const arrays = new Map();
  for (const [name, spec] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [begin, end] = spec.data_offsets.map((offset) => 8 + length + offset);
    arrays.set(name, { shape: spec.shape, data: decodeArray(spec.dtype, buffer.slice(begin, end)) });
  }
  return { meta: JSON.parse(header.__metadata__.frame), arrays };
}

function decodeArray(dtype, bytes) {
  if (dtype === "F32") return new Float32Array(bytes);
  if (dtype === "F16") return decodeHalf(new Uint16Array(bytes));
  if (dtype === "U8") return new Uint8Array(bytes);
  if (dtype === "F64") return new Float64Array(bytes);
  throw new TypeError(`no way to read ${dtype}`);
}

let halves = null; // all 65,536 half-precision numbers, made at first need

function decodeHalf(codes) {
  halves ??= Float32Array.from({ length: 65536 }, (_, code) => halfToFloat(code));
  return Float32Array.from(codes, (code) => halves[code]);
}

function halfToFloat(code) {
  const sign = code & 0x8000 ? -1 : 1;
  const exponent = (code >> 10) & 31;
  const fraction = code & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** ws(s)://host/live/<run>[?quiet], on the server that this module came from: it lies in /stage/<version>/live/. */
export function liveUrl(run, quiet) {
  const url = new URL(`../../../live/${encodeURIComponent(run)}`, import.meta.url);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = quiet ? "?quiet" : "";
  return url.href;
}

const FIRST_WAIT = 500;
const LONGEST_WAIT = 5000;
const LOST_AFTER = 2000;
const HIDDEN_FOR = 10000; // a tab hidden this long wants no pictures

/** The link to a run: it comes back when it is lost. A hidden tab keeps it, so that the run goes on, and is sent no
 *  pictures. */
export class Link {
  /** `hear` has text(message), frame(frame), lost(why), found(), unreadable(). A quiet link asks for no pictures. */
  constructor(hear, quiet = false) {
    this.hear = hear;
    this.quiet = quiet;
    this.visibility = () => (document.hidden ? this.hidden() : this.seen());
    document.addEventListener("visibilitychange", this.visibility);
    this.asleep = false;
    if (document.hidden) this.hidden(); // a tab may be opened behind another
  }

  connect(run) {
    this.drop();
    this.run = run;
    this.wait = FIRST_WAIT;
    this.queue = [];
    this.open();
  }

  open() {
    const socket = new WebSocket(liveUrl(this.run, this.quiet));
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      if (this.asleep) this.show("nothing");
      this.flush();
    };
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = (event) => this.dropped(event);
  }

  receive(data) {
    this.wait = FIRST_WAIT;
    if (this.losing) this.hear.found();
    clearTimeout(this.losing);
    this.losing = null;
    try {
      if (typeof data === "string") this.hear.text(JSON.parse(data));
      else this.hear.frame(decodeFrame(data));
    } catch {
      this.hear.unreadable();
    }
  }

  /** A short interruption is nobody's business. */
  dropped({ code, reason }) {
    this.queue = [];
    // 4000-4999 is the server saying "do not come back" (no such run, not allowed).
    if (code >= 4000 && code < 5000) return this.hear.lost(reason);
    this.losing ??= setTimeout(() => this.hear.lost(""), LOST_AFTER);
    this.timer = setTimeout(() => this.open(), this.wait);
    this.wait = Math.min(this.wait * 1.7, LONGEST_WAIT);
  }

  /** Orders given before the socket is open wait for it; a drop forgets them. */
  send(order) {
    this.queue?.push(JSON.stringify(order));
    if (this.socket?.readyState === WebSocket.OPEN) this.flush();
  }

  flush() {
    for (const text of this.queue.splice(0)) this.socket.send(text);
  }

  hidden() {
    clearTimeout(this.hiding);
    this.hiding = setTimeout(() => {
      this.asleep = true;
      this.show("nothing");
    }, HIDDEN_FOR);
  }

  seen() {
    clearTimeout(this.hiding);
    if (this.asleep) this.show("pictures");
    this.asleep = false;
  }

  /** A socket that is not open yet tells it when it is. */
  show(what) {
    if (this.quiet || this.socket?.readyState !== WebSocket.OPEN) return;
    this.socket.send(JSON.stringify({ show: what }));
  }

  /** Leave the socket, without a word. */
  drop() {
    clearTimeout(this.timer);
    const { socket } = this;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    // Closing a socket that is still connecting makes the browser log an error; wait for it.
    if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close();
    else socket.close();
  }

  close() {
    document.removeEventListener("visibilitychange", this.visibility);
    clearTimeout(this.losing);
    clearTimeout(this.hiding);
    this.drop();
  }
}
