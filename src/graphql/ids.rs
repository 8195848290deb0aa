//! IDs as clients see them: TypeID (<https://github.com/jetify-com/typeid>), the type's name and a
//! UUIDv7 in base32, such as `user_01kaj5m3tqe8ptnyqvh4vxc1ab`.

use async_graphql::ID;
use entity::id::Id;
use type_safe_id::{DynamicType, TypeSafeId};

/// The ID of a row, as clients see it.
pub fn encode<I: Id>(id: I) -> ID {
    let text = match DynamicType::new(I::PREFIX) {
        Ok(prefix) => TypeSafeId::from_type_and_uuid(prefix, id.into()).to_string(),
        // Every prefix is a lower-case word; a test makes sure of that.
        Err(_) => String::new(),
    };
    ID(text)
}

/// The ID that a client sent; `None` if it is another type's, or not an ID at all.
pub fn decode<I: Id>(id: &ID) -> Option<I> {
    let parsed: TypeSafeId<DynamicType> = id.parse().ok()?;
    (parsed.type_prefix() == I::PREFIX).then(|| I::from(parsed.uuid()))
}

#[cfg(test)]
mod tests {
    use entity::{EmailId, InvitationId, RoleId, SessionId, UserId};
    use uuid::Uuid;

    use super::*;

    const UUID: Uuid = Uuid::from_u128(0x0188_bac7_4afa_78aa_bc3b_bd1e_ef28_d881);

    fn round_trip<I: Id + std::fmt::Debug>(expected: &str) {
        let id = encode(I::from(UUID));
        assert_eq!(id.as_str(), expected);
        assert_eq!(decode::<I>(&id), Some(I::from(UUID)));
    }

    #[test]
    fn identifiers_follow_the_typeid_specification() {
        round_trip::<UserId>("user_01h2xcejqtf2nbrexx3vqjhp41");
        round_trip::<RoleId>("role_01h2xcejqtf2nbrexx3vqjhp41");
        round_trip::<InvitationId>("invitation_01h2xcejqtf2nbrexx3vqjhp41");
        round_trip::<SessionId>("session_01h2xcejqtf2nbrexx3vqjhp41");
        round_trip::<EmailId>("email_01h2xcejqtf2nbrexx3vqjhp41");
    }

    #[test]
    fn what_is_no_identifier_of_the_type_is_nothing() {
        for text in [
            "",
            "user_",
            "01h2xcejqtf2nbrexx3vqjhp41",
            "role_01h2xcejqtf2nbrexx3vqjhp41",
            "user_01H2XCEJQTF2NBREXX3VQJHP41",
            "user_01h2xcejqtf2nbrexx3vqjhp4",
            "user_81h2xcejqtf2nbrexx3vqjhp41",
            "user_01h2xcejqtf2nbrexx3vqjhp41 ",
        ] {
            assert_eq!(decode::<UserId>(&ID(text.to_owned())), None, "{text:?}");
        }
    }
}
