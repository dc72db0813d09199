// Times in the reader's zone. Every function takes the present as an argument.
import type { Language } from "@/settings";

const two = (n: number) => String(n).padStart(2, "0");
const clock = (d: Date) => `${two(d.getHours())}:${two(d.getMinutes())}`;
const monthDay = (d: Date) => `${two(d.getMonth() + 1)}-${two(d.getDate())}`;
const dayStart = (d: Date) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
const DAY = 86_400_000;

/** Today 09:41, yesterday 昨天 18:20, this year 11-25 17:48, else 2025-11-25 17:48. */
export function short(at: string | Date, now: Date, language: Language): string {
  const d = new Date(at);
  const days = Math.round((dayStart(now) - dayStart(d)) / DAY);
  if (days === 0) return clock(d);
  if (days === 1) return `${language === "zh" ? "昨天" : "yesterday"} ${clock(d)}`;
  const year = d.getFullYear() === now.getFullYear() ? "" : `${d.getFullYear()}-`;
  return `${year}${monthDay(d)} ${clock(d)}`;
}

/** 1 分钟前 under one hour, then as `short`. */
export function relative(at: string | Date, now: Date, language: Language): string {
  const minutes = Math.floor((now.getTime() - new Date(at).getTime()) / 60_000);
  if (minutes < 0 || minutes >= 60) return short(at, now, language);
  if (language === "zh") return minutes < 1 ? "刚刚" : `${minutes} 分钟前`;
  return minutes < 1 ? "just now" : `${minutes} min ago`;
}

/** 2026-11-27 09:41:05 +08:00 */
export function full(at: string | Date): string {
  const d = new Date(at);
  const offset = -d.getTimezoneOffset();
  const [sign, size] = [offset < 0 ? "-" : "+", Math.abs(offset)];
  const zone = `${sign}${two(Math.floor(size / 60))}:${two(size % 60)}`;
  return `${d.getFullYear()}-${monthDay(d)} ${clock(d)}:${two(d.getSeconds())} ${zone}`;
}

export function time(at: string | Date): string {
  const d = new Date(at);
  return `${clock(d)}:${two(d.getSeconds())}`;
}

/** 12 秒, 3 分 20 秒 */
export function duration(seconds: number, language: Language): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const units = language === "zh" ? [" 小时", " 分", " 秒"] : [" h", " min", " s"];
  const parts =
    h > 0
      ? [
          [h, 0],
          [m, 1],
        ]
      : m > 0
        ? [
            [m, 1],
            [s, 2],
          ]
        : [[s, 2]];
  const said = parts.filter(([n], i) => n! > 0 || i === 0).map(([n, unit]) => `${n}${units[unit!]}`);
  return said.join(" ");
}

/** The value of `<input type=datetime-local>`. */
export function local(at: string | Date): string {
  const d = new Date(at);
  return `${d.getFullYear()}-${monthDay(d)}T${clock(d)}`;
}
