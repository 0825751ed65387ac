/** The latest time of any file in an image, so that equal packages give equal file systems. Seconds since 1970. */
export const imageTime = 1_754_697_600;
