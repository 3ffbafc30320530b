// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel module for the tests: stops another module at a named point on its way in or out, or makes
 * it fail there. It sees modules through notifiers only and changes nothing about them.
 *
 *	coming	first of the COMING notifiers: livepatch has seen the module, nobody else has
 *	ready	last of them: its init comes next
 *	init	inside its init, if that registers a network device called like the module
 *	live	its init is done
 *	exit	inside its exit, if that takes down such a device
 *	going	its exit is done; first of the GOING notifiers, livepatch still patches it
 *	leaving	last of them: livepatch lets go of it next
 *	gone	after that, before its memory is freed
 *
 * Parameters, all writable: target, the module's name; hold, a point to stop at for as long as hold
 * names it (a minute at most); fail, a point that refuses; nap, sleep up to so many microseconds
 * at every point. Readable: at, the point it is stopped at now.
 */
#include <linux/async.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/notifier.h>
#include <linux/random.h>
#include <linux/string.h>

#define POLL_MS 5
#define HOLD_MS 60000

static char target[MODULE_NAME_LEN], hold[16], fail[16], at[16];
static unsigned int nap;
static bool in_init;

module_param_string(target, target, sizeof(target), 0644);
module_param_string(hold, hold, sizeof(hold), 0644);
module_param_string(fail, fail, sizeof(fail), 0644);
module_param_string(at, at, sizeof(at), 0444);
module_param(nap, uint, 0644);

static void wait_at(const char *point)
{
	unsigned int waited = 0;

	while (sysfs_streq(hold, point) && waited < HOLD_MS) {
		strscpy(at, point, sizeof(at));
		msleep(POLL_MS);
		waited += POLL_MS;
	}
	if (sysfs_streq(at, point))
		at[0] = '\0';
}

/* What the target does at @point: a notifier's answer. */
static int pass(const char *point)
{
	unsigned int us = READ_ONCE(nap);

	if (us)
		usleep_range(0, 1 + get_random_u32() % us);
	wait_at(point);
	return notifier_from_errno(sysfs_streq(fail, point) ? -EPERM : 0);
}

/* The unload waits for all asynchronous calls, between livepatch and the end. */
static void delay_end(void *unused, async_cookie_t cookie)
{
	pass("gone");
}

static int module_event(struct module *mod, unsigned long event, bool first)
{
	int ret = NOTIFY_DONE;

	if (!sysfs_streq(target, mod->name))
		return NOTIFY_DONE;
	switch (event) {
	case MODULE_STATE_COMING:
		ret = pass(first ? "coming" : "ready");
		in_init = !first && ret == NOTIFY_OK;
		break;
	case MODULE_STATE_LIVE:
		in_init = false;
		if (first)
			pass("live");
		break;
	case MODULE_STATE_GOING:
		in_init = false;
		pass(first ? "going" : "leaving");
		if (!first && (nap || sysfs_streq(hold, "gone")))
			async_schedule(delay_end, NULL);
		break;
	}
	return ret;
}

static int first_event(struct notifier_block *nb, unsigned long event, void *mod)
{
	return module_event(mod, event, true);
}

static int last_event(struct notifier_block *nb, unsigned long event, void *mod)
{
	return module_event(mod, event, false);
}

static int device_event(struct notifier_block *nb, unsigned long event, void *info)
{
	const struct net_device *dev = netdev_notifier_info_to_dev(info);
	size_t length = strcspn(target, "\n");

	if (!length || strncmp(dev->name, target, length))
		return NOTIFY_DONE;
	if (event == NETDEV_REGISTER && in_init)
		return pass("init");
	if (event == NETDEV_GOING_DOWN)
		pass("exit");
	return NOTIFY_DONE;
}

static struct notifier_block first = { .notifier_call = first_event, .priority = INT_MAX };
static struct notifier_block last = { .notifier_call = last_event, .priority = INT_MIN };
static struct notifier_block device = { .notifier_call = device_event };

static int __init waypoint_init(void)
{
	int ret = register_netdevice_notifier(&device);

	if (ret)
		return ret;
	register_module_notifier(&first);
	register_module_notifier(&last);
	return 0;
}

static void __exit waypoint_exit(void)
{
	unregister_module_notifier(&last);
	unregister_module_notifier(&first);
	unregister_netdevice_notifier(&device);
	async_synchronize_full();
}

module_init(waypoint_init);
module_exit(waypoint_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Stops modules on their way, for tests");
