/** What the settings' schemas say of a setting beside its type: `.meta({...})`. It is in docs/settings.md and in stacks/schema.json. */
declare module "zod" {
  interface GlobalMeta {
    /** A sentence, in Markdown. */
    description?: string;
    /** A valid value, as written in a stack's file. */
    example?: unknown;
    /** "always": no message shows it, and `./piinit secret` sets it. "possible": it is one where the user sets it so. */
    secret?: "always" | "possible";
    /** The key whose value alone may stand for the whole map. */
    shortFor?: string;
  }
}

export {};
