/**
 * Characters that cannot be seen: no page shows a text as if it had none.
 *
 * They make one text look like another: an override turns a number plate round, a filler makes an address look empty.
 */

/** Control, bidi and zero-width characters, private, unassigned; ends of lines; fillers; the blank of Braille. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;

const LAYOUT = "\t\n";

/** The text with U+FFFD for every such character, but for tabs and ends of lines. */
export const madeVisible = (text: string): string =>
  text.replace(HIDDEN, (character) => (LAYOUT.includes(character) ? character : "\uFFFD"));
