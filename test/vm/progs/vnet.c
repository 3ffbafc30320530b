/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vnet: sends a frame to a tap device of its own, and prints what the kernel puts before it as the length
 * of its headers (struct virtio_net_hdr): a line "tun N" for him who reads from the device, a line "packet N"
 * for him who listens with a packet socket. 0 for a frame without segmentation. The first is the
 * answer of the module tun, the second that of vmlinux.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void need(long result, const char *what)
{
	if (result >= 0)
		return;
	perror(what);
	exit(1);
}

static int packet_socket(int index, int protocol)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(protocol),
				  .sll_ifindex = index };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	need(fd, "socket");
	need(bind(fd, (struct sockaddr *)&to, sizeof(to)), "bind");
	return fd;
}

static int tap(struct ifreq *r)
{
	int fd = open("/dev/net/tun", O_RDWR), any = socket(AF_INET, SOCK_DGRAM, 0);

	need(fd, "/dev/net/tun");
	r->ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	need(ioctl(fd, TUNSETIFF, r), "TUNSETIFF");
	r->ifr_flags = IFF_UP;
	need(ioctl(any, SIOCSIFFLAGS, r), "SIOCSIFFLAGS");
	need(ioctl(any, SIOCGIFINDEX, r), "SIOCGIFINDEX");
	close(any);
	return fd;
}

static void show(int fd, const char *who)
{
	char buffer[2048];
	struct virtio_net_hdr header;
	long n = read(fd, buffer, sizeof(buffer));

	need(n - (long)sizeof(header), who);
	memcpy(&header, buffer, sizeof(header));
	printf("%s %u\n", who, header.hdr_len);
}

int main(void)
{
	struct ifreq r = { .ifr_name = "vnet0" };
	int device = tap(&r), listener = packet_socket(r.ifr_ifindex, ETH_P_ALL), yes = 1;
	unsigned char frame[64] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };

	need(setsockopt(listener, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof(yes)), "PACKET_VNET_HDR");
	/* what came before the option has no header */
	while (recv(listener, frame + 14, 1, MSG_DONTWAIT) >= 0)
		;
	need(write(packet_socket(r.ifr_ifindex, 0), frame, sizeof(frame)), "send");
	alarm(20);
	show(device, "tun");
	show(listener, "packet");
	return 0;
}
