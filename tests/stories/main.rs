//! Stories against the real binary over real sockets, by the public protocol.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]

/// Makes two tests of each story, one on each database.
macro_rules! on_both {
    ($($story:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $story() {
                super::$story(bangban_tests::Engine::Sqlite).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $story() {
                super::$story(bangban_tests::Engine::Postgres).await;
            })*
        }
    };
}

mod desk;
mod input;
mod minute;
mod network;
mod restart;
mod tabs;
