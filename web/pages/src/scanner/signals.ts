/** What an inspector hears and feels without looking: one pattern for each colour. Both can be switched off. */

import type { Colour } from "@khoso/verifier";

/** Hertz and milliseconds of each tone. */
const TONES: Readonly<Record<Colour, string>> = {
  green: "880:90 1320:140",
  amber: "660:140 660:140",
  red: "220:220 180:350",
  grey: "440:300",
};
/** Milliseconds of shaking and stillness in turn. */
const SHAKES: Readonly<Record<Colour, readonly number[]>> = {
  green: [60],
  amber: [60, 80, 60],
  red: [250, 100, 250],
  grey: [150],
};
const LOUDNESS = 0.2;
const GAP_S = 0.04;

export class Signals {
  sound = true;
  vibration = true;
  #audio: AudioContext | null = null;

  /** Browsers let a page sound only after a touch: call this in one. */
  unlock(): void {
    this.#audio ??= new AudioContext();
    void this.#audio.resume();
  }

  give(colour: Colour): void {
    if (this.vibration) navigator.vibrate?.([...SHAKES[colour]]);
    if (this.sound && this.#audio?.state === "running") play(this.#audio, TONES[colour]);
  }
}

function play(audio: AudioContext, tones: string): void {
  const volume = new GainNode(audio, { gain: LOUDNESS });
  volume.connect(audio.destination);
  let at = audio.currentTime;
  for (const one of tones.split(" ")) {
    const [frequency = 0, ms = 0] = one.split(":").map(Number);
    const tone = new OscillatorNode(audio, { frequency });
    tone.connect(volume);
    tone.start(at);
    tone.stop(at + ms / 1_000);
    at += ms / 1_000 + GAP_S;
  }
}
