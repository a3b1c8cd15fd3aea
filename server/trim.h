/*
 * After the start: memory that only the start needed goes back to the system.
 *
 * Thread: any; once, when the server is ready.
 */
#ifndef TS_SERVER_TRIM_H
#define TS_SERVER_TRIM_H

/* Frees the heap's unused pages, and drops the pages of program code from this process. Code that
 * is still needed comes back from the page cache at its next use, a page fault each. Never fails:
 * what cannot be given back stays. */
void ts_trim_startup(void);

#endif
