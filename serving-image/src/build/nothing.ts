/** What the bundle holds in place of packages that are never used. */
export {};
