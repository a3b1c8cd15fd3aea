/* Tells the service manager how we are (systemd's protocol), if it asked to be told. */
#ifndef TS_SERVER_NOTIFY_H
#define TS_SERVER_NOTIFY_H

/* Sends @state, e.g. "READY=1", to $NOTIFY_SOCKET; nothing where there is none. */
void ts_notify(const char *state);

#endif
