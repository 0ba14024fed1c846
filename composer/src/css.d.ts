/** Custom properties may be set in `style`. */
import "react";

declare module "react" {
  // eslint-disable-next-line @typescript-eslint/consistent-indexed-object-style -- merged into React's own interface
  interface CSSProperties {
    [property: `--${string}`]: string | number | undefined;
  }
}
