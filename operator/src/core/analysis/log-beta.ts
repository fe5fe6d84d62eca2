const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);

/**
 * Natural logarithm of the gamma function for x > 0, to about 14 digits: Stirling's series (NIST DLMF 5.11.1) beyond 10,
 * reached by Γ(x + 1) = x Γ(x) from below.
 */
export function logGamma(x: number): number {
  let below = 1;
  let z = x;
  for (; z < 10; z++) below *= z;
  const inverse = 1 / (z * z);
  // B_2k / (2k (2k - 1)) for k = 1…6, by Horner's rule.
  const series =
    (1 / 12 -
      inverse *
        (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse * (1 / 1188 - (inverse * 691) / 360360))))) /
    z;
  return (z - 0.5) * Math.log(z) - z + HALF_LOG_2PI + series - Math.log(below);
}

/** Natural logarithm of the beta function, for a > 0 and b > 0. */
export const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b);
