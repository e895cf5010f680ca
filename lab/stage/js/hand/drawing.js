// What a hand draws: strokes of places, by a pointer or by keys.

const MOST_PLACES = 1500; // of a drawing; the server takes a few more
const CLOSE = 1 / 250; // of the sheet's width: nearer places are one

export class Drawing {
  constructor() {
    this.clear();
  }

  clear() {
    this.strokes = [];
    this.marks = []; // what `undo` takes back: [strokes, places of the last one] before each mark
    this.down = false;
  }

  get empty() {
    return !this.strokes.length;
  }

  get size() {
    return this.strokes.reduce((sum, one) => sum + one.length, 0);
  }

  mark() {
    this.marks.push([this.strokes.length, this.strokes.at(-1)?.length ?? 0]);
  }

  /** The pen comes down here. */
  begin(place) {
    this.mark();
    this.down = true;
    this.strokes.push([place]);
  }

  /** The pen goes on to here, on a sheet of this width. */
  extend([x, y], width) {
    const [lastX, lastY] = this.strokes.at(-1).at(-1);
    if (this.size < MOST_PLACES && Math.hypot(x - lastX, y - lastY) >= CLOSE * width) this.strokes.at(-1).push([x, y]);
  }

  lift() {
    this.down = false;
  }

  /** A key puts a place: the pen comes down, or draws a straight line. */
  put(place) {
    if (!this.down) return this.begin(place);
    this.mark();
    this.extend(place, 0);
  }

  undo() {
    if (!this.marks.length) return;
    const [strokes, places] = this.marks.pop();
    this.strokes.length = strokes;
    if (strokes) this.strokes[strokes - 1].length = places;
    this.down = this.down && strokes > 0;
  }

  /** As the server takes it. */
  sent() {
    return this.strokes.map((stroke) => stroke.map((place) => place.map((one) => Math.round(one * 1e4) / 1e4)));
  }
}
