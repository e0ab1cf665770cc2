const lasts = new WeakMap<object, Promise<unknown>>();

/** Lets what talks to the user, or to a token, happen one after the other for each host. */
export function takeTurn<T>(host: object, work: () => Promise<T>): Promise<T> {
  const turn = (lasts.get(host) ?? Promise.resolve()).then(work);
  lasts.set(
    host,
    turn.catch(() => undefined),
  );
  return turn;
}
