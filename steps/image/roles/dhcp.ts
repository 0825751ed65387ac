/**
 * How systemd-networkd gets an address on every card; more lines of [DHCPv4] may follow. The client is known by its MAC,
 * because the default identifier comes from the machine-id, which images may share.
 */
export const dhcp = `[Network]
DHCP=ipv4
LinkLocalAddressing=no

[DHCPv4]
ClientIdentifier=mac
UseHostname=no
UseDomains=yes
`;
