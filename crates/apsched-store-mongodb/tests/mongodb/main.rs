//! The MongoDB store on a server: the contract, and what is MongoDB's own.

mod batch;
mod database;
mod dropped_call;
mod fire_time;
mod locked;
mod orphan;
mod outage;
mod own_server;
mod plan;
mod release;
mod spoiled;
mod start;
mod stranger;
mod suite;
mod user_transaction;
