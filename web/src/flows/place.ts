// Where a list was left, until it is shown again.
const places = new Map<string, { top: number; id: string }>();

export const place = {
  keep(address: string, top: number, id: string): void {
    places.set(address, { top, id });
  },
  take(address: string): { top: number; id: string } | undefined {
    const found = places.get(address);
    places.delete(address);
    return found;
  },
};
