import { versions } from "../../../toolchain/versions.ts";

/** Stands for Pulumi's CLI: tells its version, and installs a plugin as the real one does. */
export const cli = `#!/bin/sh
[ "$1" = version ] && echo v${versions.pulumi} && exit
[ "$1 $2 $3" = "plugin install resource" ] || exit 9
folder="$PULUMI_HOME/plugins/resource-$4-v$5"
mkdir -p "$folder" && printf '#!/bin/sh\\necho official %s\\n' "$4" > "$folder/pulumi-resource-$4"
chmod +x "$folder/pulumi-resource-$4" && rm -f "$folder.partial"
`;
export const official = "#!/bin/sh\necho official language\n";

/** Stands for Go: what it builds is the CLI above. */
export const fakeGo = (program: string) => `#!/bin/sh
PATH=/usr/bin:/bin
[ "$1" = version ] && echo "go version go1.26.8 linux/amd64" && exit
while [ "$1" != -o ]; do shift; done
cp '${program}' "$2"
`;
