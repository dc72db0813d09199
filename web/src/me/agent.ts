// The browser and the system of a login, as people call them.
const BROWSERS: [RegExp, string][] = [
  [/MicroMessenger\/(\d+)/, "微信"],
  [/Edg(?:e|A|iOS)?\/(\d+)/, "Edge"],
  [/(?:OPR|Opera)\/(\d+)/, "Opera"],
  [/(?:Firefox|FxiOS)\/(\d+)/, "Firefox"],
  [/(?:HeadlessChrome|Chrome|CriOS)\/(\d+)/, "Chrome"],
  [/Version\/(\d+).*Safari/, "Safari"],
];
const SYSTEMS: [RegExp, string][] = [
  [/HarmonyOS|OpenHarmony/, "HarmonyOS"],
  [/Android/, "Android"],
  [/iPhone|iPad/, "iOS"],
  [/Windows/, "Windows"],
  [/Mac OS X/, "macOS"],
  [/Linux/, "Linux"],
];

/** `Chrome 156 · Linux`; empty for a program. */
export function browserOf(agent: string): string {
  const browser = BROWSERS.map(([pattern, name]) => [agent.match(pattern)?.[1], name] as const).find(
    ([version]) => version,
  );
  if (!browser) return "";
  const system = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1];
  return [`${browser[1]} ${browser[0]}`, ...(system ? [system] : [])].join(" · ");
}
