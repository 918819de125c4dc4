//! The MongoDB store on a server: the contract, and what is MongoDB's own.

mod database;
mod orphan;
mod outage;
mod own_server;
mod plan;
mod start;
mod suite;
mod user_transaction;
