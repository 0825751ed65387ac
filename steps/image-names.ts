import path from "node:path";

/** An image's name with its digest, which no other image has. @param image its path */
export const imageId = (image: string): string => path.basename(image, ".img");

/** The path of an image's update, which machines take over the network. */
export const updateFileOf = (image: string): string => image.replace(/\.img$/, ".raucb");
