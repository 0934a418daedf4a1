// The API counts Unicode code points, JavaScript counts UTF-16 code units: a character beyond the basic plane is one
// of the former and two of the latter.

const isHigh = (unit) => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit) => unit >= 0xdc00 && unit <= 0xdfff;

/** The UTF-16 indices of ascending code-point offsets in a text; offsets past its end give its length. */
export function toUnits(text, offsets) {
  const found = [];
  let points = 0;
  let units = 0;
  for (const offset of offsets) {
    while (points < offset && units < text.length) {
      units += isHigh(text.charCodeAt(units)) && isLow(text.charCodeAt(units + 1)) ? 2 : 1;
      points += 1;
    }
    found.push(units);
  }
  return found;
}

/** `text[start:end]` in code points. */
export function slice(text, start, end) {
  const [from, to] = toUnits(text, [start, end]);
  return text.slice(from, to);
}

/** The nearest index at or before `at` that does not cut a character in two, a line break if one is near. */
export function cutBefore(text, at, reach = 400) {
  if (at <= 0) return 0;
  const line = text.lastIndexOf("\n", at - 1);
  if (line >= 0 && at - line <= reach) return line + 1;
  return isLow(text.charCodeAt(at)) && isHigh(text.charCodeAt(at - 1)) ? at - 1 : at;
}
