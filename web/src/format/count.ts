const whole = new Intl.NumberFormat("en-US");

/** 4,211 in both languages. */
export function count(n: number): string {
  return whole.format(n);
}

/** English plural: `1 photo`, `2 photos`. */
export function many(n: number, one: string, other = `${one}s`): string {
  return `${count(n)} ${new Intl.PluralRules("en").select(n) === "one" ? one : other}`;
}
