// The last picture of a run, for a list of runs.

import { make, setAll } from "../core/dom.js";
import { rgb, wearPalette } from "../core/palette.js";
import { Player } from "./player.js";

export default class Still {
  constructor(parent) {
    this.player = new Player();
    this.canvas = make("canvas", { role: "img" });
    this.root = make("div", { class: "stage still" }, this.canvas);
    parent.append(this.root);
  }

  update({ data: { run, says } }) {
    const palette = wearPalette(this.root);
    if (run !== this.run) {
      this.run = run;
      setAll(this.canvas, { "aria-label": says });
      this.player.forget(this.canvas);
      this.player.play(this.canvas, [run], 1);
    }
    this.player.wear({ ...palette, modelRgb: rgb(palette.roles.model.ink) });
  }

  close() {
    this.player.close();
    this.root.remove();
  }
}
