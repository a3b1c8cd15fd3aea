/* The handlers that the table of routes names, one file per group of routes. */
#ifndef TS_HANDLERS_HANDLERS_H
#define TS_HANDLERS_HANDLERS_H

#include "handlers/routes.h"

/* generate.c */
ts_handler_fn ts_handle_generate;
ts_handler_fn ts_handle_chat;
ts_handler_fn ts_handle_chat_completions;
ts_handler_fn ts_handle_completions;
ts_handler_fn ts_handle_responses;
ts_handler_fn ts_handle_embed;
ts_handler_fn ts_handle_ollama_embeddings;
ts_handler_fn ts_handle_openai_embeddings;
ts_handler_fn ts_handle_pane; /* of a comparison: no route of its own */
ts_handler_fn ts_handle_messages;
ts_handler_fn ts_handle_count_tokens;

/* manage.c, loaded.c */
ts_handler_fn ts_handle_manage;
ts_handler_fn ts_handle_blob;
ts_handler_fn ts_handle_ollama_show;
ts_handler_fn ts_handle_ollama_ps;

/* panes.c: one prompt beside several models; vote.c: which answer was the best */
ts_handler_fn ts_handle_panes;
ts_handler_fn ts_handle_vote;

/* models.c: the model lists of all servers, in each dialect */
ts_handler_fn ts_handle_ollama_root;
ts_handler_fn ts_handle_ollama_version;
ts_handler_fn ts_handle_ollama_tags;
ts_handler_fn ts_handle_openai_models;
ts_handler_fn ts_handle_openai_model;

/* analytics.c, latency.c, feedback.c, outcomes.c */
ts_handler_fn ts_handle_analytics;
ts_handler_fn ts_handle_latency;
ts_handler_fn ts_handle_feedback;
ts_handler_fn ts_handle_outcomes;

/* recommend.c, learner.c, compare.c */
ts_handler_fn ts_handle_recommend;
ts_handler_fn ts_handle_ranked;
ts_handler_fn ts_handle_demote;
ts_handler_fn ts_handle_ab_candidates;
ts_handler_fn ts_handle_compare;

/* download.c */
ts_handler_fn ts_handle_export;

/* requests.c */
ts_handler_fn ts_handle_requests;
ts_handler_fn ts_handle_request;
ts_handler_fn ts_handle_cancel;

/* providers.c */
ts_handler_fn ts_handle_providers;

/* websites.c, clones.c, clone_stats.c, clone_preview.c, benchmarks.c */
ts_handler_fn ts_handle_websites;
ts_handler_fn ts_handle_website_post;
ts_handler_fn ts_handle_website;
ts_handler_fn ts_handle_clones;
ts_handler_fn ts_handle_clone_post;
ts_handler_fn ts_handle_clones_delete;
ts_handler_fn ts_handle_clone;
ts_handler_fn ts_handle_clone_file;
ts_handler_fn ts_handle_clone_preview;
ts_handler_fn ts_handle_preview;
ts_handler_fn ts_handle_clone_stats;
ts_handler_fn ts_handle_clone_summary;
ts_handler_fn ts_handle_clone_complexity;
ts_handler_fn ts_handle_clone_providers;
ts_handler_fn ts_handle_clone_monthly;
ts_handler_fn ts_handle_benchmarks;
ts_handler_fn ts_handle_benchmark_post;

/* local_models.c: an older name of the same */
ts_handler_fn ts_handle_local_models;
ts_handler_fn ts_handle_local_model;

/* operations.c */
ts_handler_fn ts_handle_healthz;
ts_handler_fn ts_handle_readyz;
ts_handler_fn ts_handle_version;
ts_handler_fn ts_handle_openapi;

/* events.c */
ts_handler_fn ts_handle_events;

/* metrics.c */
ts_handler_fn ts_handle_metrics;

/* pages.c */
ts_handler_fn ts_handle_home;
ts_handler_fn ts_handle_asset;
ts_handler_fn ts_handle_page;

#endif
